// Package emu embeds the contract of the Baidu Smart Mini Program open
// platform, the OpenAPI document from which the emulator, the documentation
// and the contract suite are made. It holds the document and does nothing
// else; compile it with the packages that use it.
package emu

import _ "embed"

// OpenAPI is the authored OpenAPI 3.0.3 document of the platform, in YAML.
// Treat the bytes as read-only.
//
//go:embed openapi.yaml
var OpenAPI []byte
