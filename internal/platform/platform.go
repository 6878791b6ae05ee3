// Package platform knows where the platform is in the world.
//
// It promises: the hosts are those of the servers that the contract names.
package platform

// Hosts are the names that official clients have built in; the first is the
// platform's main one.
func Hosts() []string { return []string{"openapi.baidu.com", "spapi.baidu.com"} }
