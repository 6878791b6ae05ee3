package seal

import (
	"crypto/md5" //nolint:gosec // the platform's choice
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// HostSignature returns what the platform and a host app sign their requests
// to each other with (D): the MD5, in lower case hexadecimal, of the parameters
// as name=value in order of their names and joined with &, followed by &hsk=
// and the host's secret. A parameter called sign is left out; values stand as
// they are, not escaped.
func HostSignature(params map[string]string, hsk string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if name != "sign" {
			b.WriteString(name + "=" + params[name] + "&")
		}
	}
	return md5Hex(b.String() + "hsk=" + hsk)
}

// HostSessionKey returns the session key that a host app makes when its user
// logs in (D): the MD5, in lower case hexadecimal, of the app's AppKey, the
// user's number, the time in seconds since 1970 and the host's secret, one
// behind the other.
func HostSessionKey(clientID, huid, timestamp, hsk string) string {
	return md5Hex(clientID + huid + timestamp + hsk)
}

// SwanIDSignature returns what the platform signs a swanid with (D): the MD5,
// in lower case hexadecimal, of appkey=A, secret_key=S and swanid=W, one behind
// the other, where A and S are the app's AppKey and AppSecret.
func SwanIDSignature(appKey, appSecret, swanID string) string {
	return md5Hex("appkey=" + appKey + "secret_key=" + appSecret + "swanid=" + swanID)
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // the platform's choice
	return hex.EncodeToString(sum[:])
}
