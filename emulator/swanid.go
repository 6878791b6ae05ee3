package emulator

import (
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/seal"
)

// The swanid: what the apps of one developer know a device as, or a user who
// is logged in (seeds 003 and 004; the rules are State.swanID). Modelled: the
// platform's check of a swanid for a developer, and the signature that a host
// app asks for when it has made a swanid of its own. Not modelled: how a host
// app makes its swanids.

type swanIDIn struct {
	SwanID string `json:"swanid"`
}

type swanIDResult struct {
	Result bool `json:"result"`
}

// verifySwanID tells a developer whether a swanid is one of theirs. One that
// another developer's apps have is not; one that nobody has is an error (D has
// both answers; which is for what is assumed).
func verifySwanID(c *Call, in swanIDIn) (swanIDResult, error) {
	app := c.State.Apps[c.Principal.App]
	if developer, ok := c.State.SwanIDs[in.SwanID]; ok {
		return swanIDResult{developer == app.developer()}, nil
	}
	if u, d := c.State.bySwanID(app, in.SwanID); u != nil || d != nil {
		return swanIDResult{true}, nil
	}
	for _, id := range c.State.appIDs() {
		if u, d := c.State.bySwanID(c.State.Apps[id], in.SwanID); u != nil || d != nil {
			return swanIDResult{false}, nil
		}
	}
	return swanIDResult{}, refuse("SwanIDInvalid")
}

type signSwanIDIn struct {
	SwanID      string `json:"swanid"`
	ClientID    string `json:"client_id"`
	Timestamp   int64  `json:"timestamp"`
	UnionID     string `json:"union_id"`
	SignVersion string `json:"sign_version"`
	Sign        string `json:"sign"`
}

type swanIDSignature struct {
	Signature string `json:"swanid_signature"`
}

// signSwanID gives a host app the signature of a swanid that it has made. Such
// a swanid begins with H and the host's name in capitals (D).
func signSwanID(c *Call, in signSwanIDIn) (encoded, error) {
	host := c.State.hostOfUnion(in.UnionID)
	if host == nil {
		return nil, refuse("InvalidParameter", "union_id 不是已知的宿主")
	}
	signed := map[string]string{
		"swanid": in.SwanID, "client_id": in.ClientID, "timestamp": strconv.FormatInt(in.Timestamp, 10),
		"union_id": in.UnionID, "sign_version": in.SignVersion,
	}
	if !signedBy(host, in.Sign, signed) || !c.fresh(in.Timestamp) {
		return nil, refuse("IncorrectSignature")
	}
	p, secret := c.State.client(in.ClientID)
	if p.Kind != PrincipalDeveloper {
		return nil, refuse("InvalidAPIKey")
	}
	if prefix := "H" + strings.ToUpper(host.Name); !strings.HasPrefix(in.SwanID, prefix) {
		return nil, refuse("InvalidParameter", "swanid 应以 %s 开头", prefix)
	}
	c.State.SwanIDs[in.SwanID] = c.State.Apps[p.App].developer()
	return c.answered(swanIDSignature{seal.SwanIDSignature(in.ClientID, secret, in.SwanID)})
}

// hostOfUnion returns the member that union_id names: its officalNo, one of
// its container numbers, or its name (that any of them does is assumed).
func (s *State) hostOfUnion(id string) *Host {
	for _, h := range s.hosts() {
		if id == strconv.FormatInt(h.OfficalNo, 10) || id == strconv.FormatInt(h.ContainerNo, 10) || id == h.Name {
			return h
		}
	}
	return nil
}
