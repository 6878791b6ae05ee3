package emulator

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Pushed messages: what a TP may fetch again (K: the official clients name the
// parameters and their limits). Modelled: the window of time, all or failed
// ones, paging, the list of ids. Tickets are not fetched this way (assumed).

// The values of push_type and of a message's status (K).
const (
	pushesFailed     = 2
	messagePending   = 0
	messageDelivered = 1
	messageFailed    = 2
)

const (
	messagesDay      = 24 * time.Hour
	messagesWindow   = 7 * messagesDay
	messagesOldest   = 31 * messagesDay
	messagesPerPage  = 100
	messagesPushType = 1
)

type listPushMessagesIn struct {
	Start    *int64 `json:"start"`
	End      *int64 `json:"end"`
	PushType *int   `json:"push_type"`
	Offset   *int   `json:"offset"`
	Count    *int   `json:"count"`
	IDList   string `json:"id_list"`
}

type messagePage struct {
	Count    int       `json:"count"`
	List     []message `json:"list"`
	Page     int       `json:"page"`
	PageSize int       `json:"pageSize"`
}

type message struct {
	ID      int64  `json:"id"`
	Content string `json:"content"`
	Status  int    `json:"status"`
}

// listPushMessages lets a TP fetch the pushes it may have missed.
func listPushMessages(c *Call, in listPushMessagesIn) (messagePage, error) {
	q := struct {
		start, end          int64
		push, offset, count int
	}{c.Now.Add(-messagesDay).Unix(), c.Now.Unix(), messagesPushType, 0, messagesPerPage}
	set(&q.start, in.Start)
	set(&q.end, in.End)
	set(&q.push, in.PushType)
	set(&q.offset, in.Offset)
	set(&q.count, in.Count)
	ids := map[int64]bool{}
	for text := range strings.SplitSeq(in.IDList, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return messagePage{}, refuse("InvalidParameter", "id_list 应为以逗号分隔的推送 ID")
		}
		ids[id] = true
	}
	switch {
	case len(ids) > 0:
		q.start, q.end, q.push, q.offset, q.count = 0, c.Now.Unix(), messagesPushType, 0, max(len(ids), 1)
	case q.end < q.start:
		return messagePage{}, refuse("InvalidParameter", "end 不能早于 start")
	case q.start < c.Now.Add(-messagesOldest).Unix():
		return messagePage{}, refuse("InvalidParameter", "start 不能早于一个月前")
	case q.end-q.start > int64(messagesWindow/time.Second):
		return messagePage{}, refuse("InvalidParameter", "start 与 end 的间隔不能超过一周")
	}
	page := messagePage{List: []message{}, Page: min(q.offset/q.count, math.MaxInt-1) + 1, PageSize: q.count}
	for _, e := range c.State.Events {
		at := time.Unix(0, e.At).Unix()
		wanted := e.Channel == ChannelPush && e.TP == c.Principal.TP && e.Name != eventTicket &&
			at >= q.start && at <= q.end && (len(ids) == 0 || ids[e.ID]) &&
			(q.push != pushesFailed || messageStatus(e) == messageFailed)
		if !wanted {
			continue
		}
		page.Count++
		if page.Count <= q.offset || len(page.List) == q.count {
			continue
		}
		content, err := c.State.sealed(e, c.State.TPs[e.TP])
		if err != nil {
			return messagePage{}, err
		}
		page.List = append(page.List, message{ID: e.ID, Content: content, Status: messageStatus(e)})
	}
	return page, nil
}

// messageStatus is an event's status as the platform numbers it. An event whose
// attempts have failed so far counts as failed, though more may follow.
func messageStatus(e *Event) int {
	switch {
	case e.Status == eventDelivered:
		return messageDelivered
	case e.Status == eventFailed || e.Attempts > 0:
		return messageFailed
	}
	return messagePending
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
