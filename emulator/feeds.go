package emulator

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Feeds cards: a card with five to nine smaller ones that an app puts into its
// users' feeds (seed 002). Modelled: the rules of both templates. Not modelled:
// the pictures themselves (only their addresses are looked at), distribution.

// templateWithDesc is the template of large pictures with a summary.
const templateWithDesc = 1

// titleWithDesc bounds a card's title in that template, in characters; the
// contract bounds those of the other one.
const titleWithDesc = 8

// A FeedCard is a card in the feeds of an app's users.
type FeedCard struct {
	App int64 `json:"app_id"`
	// At is the sandbox's time in nanoseconds since 1970.
	At        int64          `json:"at"`
	Title     string         `json:"mcard_title"`
	Recommend int            `json:"recommend_type"`
	Template  int            `json:"templete_type"` // so spelled on the wire
	Cards     []FeedCardItem `json:"scard_list"`
}

// A FeedCardItem is one of the smaller cards.
type FeedCardItem struct {
	Title   string `json:"scard_title"`
	Desc    string `json:"scard_desc,omitempty"`
	ImgURL  string `json:"img_url"`
	PathURL string `json:"path_url"`
}

type feedCardIn struct {
	AppID     int64          `json:"app_id"`
	Title     string         `json:"mcard_title"`
	Recommend int            `json:"recommend_type"`
	Template  int            `json:"templete_type"`
	Cards     []FeedCardItem `json:"scard_list"`
}

// sendFeedCard puts a card into the feeds of an app's users. What the contract
// says of every card has been seen to; here is what depends on the template.
func sendFeedCard(c *Call, in feedCardIn) (string, error) {
	if _, err := c.invitedApp(in.AppID); err != nil {
		return "", err
	}
	var wrong []string
	for i := range in.Cards {
		at := "scard_list/" + strconv.Itoa(i)
		if in.Template != templateWithDesc {
			continue
		}
		if utf8.RuneCountInString(in.Cards[i].Title) > titleWithDesc {
			wrong = append(wrong, at+"/scard_title 长度不能大于 8（模板类型 1）")
		}
		if in.Cards[i].Desc == "" {
			wrong = append(wrong, "缺少参数 "+at+"/scard_desc（模板类型 1 必须）")
		}
	}
	if len(wrong) > 0 {
		return "", refuse("MessageInvalidParameter", "%s", strings.Join(wrong, "；"))
	}
	c.State.FeedCards = append(c.State.FeedCards, &FeedCard{
		App: in.AppID, At: c.Now.UnixNano(), Title: in.Title, Recommend: in.Recommend, Template: in.Template, Cards: in.Cards,
	})
	if n := len(c.State.FeedCards); n > keptMessages {
		c.State.FeedCards = slices.Delete(c.State.FeedCards, 0, n-keptMessages)
	}
	return "", nil
}
