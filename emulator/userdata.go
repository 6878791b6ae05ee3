package emulator

import (
	"fmt"
	"strconv"

	"github.com/swanemu/emu/internal/seal"
)

// User data: what a mini program learns of its user, and what its server opens
// with the session key (seed 004). Modelled: user information and telephone
// number, sealed as the published samples are. Not modelled: the other kinds of
// data that later documents have.

// userDataPadding is the block that the padding of user data fills, in bytes,
// in a sandbox that was told nothing else (observed).
const userDataPadding = 16

// An openUserInfo is the user information that goes in clear. Sex is a text
// here (seed 003) and a number in what is sealed (D).
type openUserInfo struct {
	Nickname        string `json:"nickname"`
	HeadImgURL      string `json:"headimgurl"`
	Sex             string `json:"sex"`
	ShoubaiNickname string `json:"shoubainickname"`
}

// An openData is the data of one scope (seed 003). User information has Data
// and UserInfo, a telephone number EncryptedData (D).
type openData struct {
	Errno         int           `json:"errno"`
	Error         string        `json:"error"`
	Data          string        `json:"data,omitempty"`
	EncryptedData string        `json:"encryptedData,omitempty"`
	IV            string        `json:"iv"`
	UserInfo      *openUserInfo `json:"userinfo,omitempty"`
}

// hasData reports whether a scope has data of its user.
func (sc scope) hasData(u *User) bool {
	return sc.id == scopeUserInfo || sc.id == scopeMobile && u != nil && u.Mobile != ""
}

// sealedUserInfo is what is sealed of a user, its members in the order of the
// published samples.
type sealedUserInfo struct {
	OpenID     string `json:"openid"`
	Nickname   string `json:"nickname"`
	HeadImgURL string `json:"headimgurl"`
	Sex        int    `json:"sex"`
}

// sealedMobile is what is sealed of a telephone number (K).
type sealedMobile struct {
	Mobile string `json:"mobile"`
}

// openData makes the data of a scope for somebody who is logged in to the app.
// Without a session there is no key to seal it with.
func (c *Call) openData(app *App, u *User, sc scope) (*openData, error) {
	session := c.useSession(app, u)
	if session == nil {
		return nil, refuse("HostNotLoggedIn", "没有有效的 session_key，请先调用 swan.login")
	}
	out := &openData{Error: "succ"}
	var content any
	switch sc.id {
	case scopeUserInfo:
		content = sealedUserInfo{c.State.openID(app, u), u.Nickname, u.HeadImgURL, u.Sex}
		out.UserInfo = &openUserInfo{u.Nickname, u.HeadImgURL, strconv.Itoa(u.Sex), u.Nickname}
	case scopeMobile:
		content = sealedMobile{u.Mobile}
	default:
		return nil, fmt.Errorf("scope %s has no data", sc.id)
	}
	message, err := marshal(content)
	if err != nil {
		return nil, err
	}
	iv, err := seal.UserDataIV(session.Key)
	if err != nil {
		return nil, err
	}
	cipher, err := seal.UserDataCipher(session.Key, iv, c.State.Config.UserDataPadding)
	if err != nil {
		return nil, err
	}
	var random [16]byte
	copy(random[:], c.draw("open data "+sc.id).alnum(16))
	sealed := cipher.Seal(random, message, app.Key)
	if out.IV = iv; sc.id == scopeMobile {
		out.EncryptedData = sealed
	} else {
		out.Data = sealed
	}
	return out, nil
}
