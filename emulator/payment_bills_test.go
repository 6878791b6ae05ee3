package emulator_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// bill is where a bill is.
type bill struct {
	CreateTime   string `json:"createTime"`
	DownloadName string `json:"downloadName"`
	ExportStatus int    `json:"exportStatus"`
	URL          string `json:"url"`
}

func (k *market) bills(path, token, day string) []bill {
	k.Helper()
	var out struct {
		Data  []bill `json:"data"`
		Count int    `json:"totalCount"`
	}
	get(k.e, pathPayments+path, "access_token", token, "billTime", day).data(k, &out)
	if out.Count != len(out.Data) {
		k.Errorf("%s of %s: totalCount %d, %d bills", path, day, out.Count, len(out.Data))
	}
	return out.Data
}

// download gets a file.
func (k *market) download(address string) answer {
	k.Helper()
	u, err := url.Parse(address)
	if err != nil {
		k.Fatal(err)
	}
	return serve(k.e, httptest.NewRequest(http.MethodGet, u.RequestURI(), nil))
}

// aWeekend is a market in which much happened on two days: paid on the 5th at
// 23:59:59 and on the 6th at midnight, refunded on both.
func aWeekend(t *testing.T) *market {
	t.Helper()
	k := newMarket(t, true, nil)
	k.pay("first", 100)
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"failed"}`)
	k.pay("never", 99)
	k.refund("first", "b1", "applyRefundMoney", "30").data(t, new(any))
	advance(t, k.s, 15*time.Hour-time.Second) // 23:59:59
	k.pay("last", 123456)
	advance(t, k.s, time.Second)
	k.pay("next, \"day\"", 7)
	k.refund("last", "b2").data(t, new(any))
	advance(t, k.s, time.Minute)
	return k
}

// TestBills downloads what happened day by day, in Shanghai.
func TestBills(t *testing.T) {
	k := aWeekend(t)
	type want struct{ head, rows []string }
	for name, tc := range map[string]struct {
		path, day string
		want      []want
	}{
		"orders": {"orderBill", "2026-01-05", []want{{
			[]string{"#总交易单数:2", "#总交易额(元):1235.56"},
			[]string{
				"2026-01-05 09:00:00 800020001 first 已消费 1.00   ", "2026-01-05 23:59:59 800020003 last 已退款 1234.56   ",
			},
		}}},
		"orders of the next day": {"orderBill", "2026-01-06", []want{{
			[]string{"#总交易单数:1", "#总交易额(元):0.07"}, []string{`2026-01-06 00:00:00 800020004 next, "day" 已消费 0.07   `},
		}}},
		"orders of a day without any": {"orderBill", "2026-01-04", []want{{
			[]string{"#总交易单数:0", "#总交易额(元):0.00"}, nil,
		}}},
		"money": {"capitaBill", "2026-01-05", []want{{
			[]string{"#总交易单数:2", "#总交易额(元):1235.56", "#总退款单数:1", "#总退款金额(元):0.30"},
			[]string{
				"2026-01-05 09:00:00 800020001 first 已消费 1.00   ", "2026-01-05 09:00:03 800020001 first 已消费 1.00 b1 0.30 退款成功",
				"2026-01-05 23:59:59 800020003 last 已退款 1234.56   ",
			},
		}, {
			[]string{"#总交易单数:2", "#总交易额(元):1235.56"},
			[]string{
				"2026-01-05 09:00:00 800020001 first 已消费 1.00   ", "2026-01-05 23:59:59 800020003 last 已退款 1234.56   ",
			},
		}, {
			[]string{"#总退款单数:1", "#总退款金额(元):0.30"}, []string{"2026-01-05 09:00:03 800020001 first 已消费 1.00 b1 0.30 退款成功"},
		}}},
		"money of the next day": {"capitaBill", "2026-01-06", []want{{
			[]string{"#总交易单数:1", "#总交易额(元):0.07", "#总退款单数:1", "#总退款金额(元):1234.56"},
			[]string{
				"2026-01-06 00:00:03 800020003 last 已退款 1234.56 b2 1234.56 退款成功", `2026-01-06 00:00:00 800020004 next, "day" 已消费 0.07   `,
			},
		}, {
			[]string{"#总交易单数:1", "#总交易额(元):0.07"}, []string{`2026-01-06 00:00:00 800020004 next, "day" 已消费 0.07   `},
		}, {
			[]string{"#总退款单数:1", "#总退款金额(元):1234.56"}, []string{"2026-01-06 00:00:03 800020003 last 已退款 1234.56 b2 1234.56 退款成功"},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			bills := k.bills(tc.path, k.token, tc.day)
			if len(bills) != len(tc.want) {
				t.Fatalf("%d bills, want %d", len(bills), len(tc.want))
			}
			for i, b := range bills {
				a := k.download(b.URL)
				if a.status != 200 || a.header.Get("Content-Type") != "text/csv; charset=utf-8" {
					t.Fatalf("%s: %d %s %s", b.URL, a.status, a.header, a.body)
				}
				head, rows := readBill(t, string(a.body))
				for _, line := range append([]string{fmt.Sprintf("#Dealid:[%d]", k.m.deal)}, tc.want[i].head...) {
					if !strings.Contains(head, line+"\n") {
						t.Errorf("%s: no %s in\n%s", b.DownloadName, line, head)
					}
				}
				if n := strings.Count(head, "#总"); n != len(tc.want[i].head) {
					t.Errorf("%s: %d sums, want %d:\n%s", b.DownloadName, n, len(tc.want[i].head), head)
				}
				if diff := cmp.Diff(tc.want[i].rows, rows); diff != "" {
					t.Errorf("%s (-want +got):\n%s", b.DownloadName, diff)
				}
				if again := k.download(b.URL); string(again.body) != string(a.body) {
					t.Errorf("%s: another file the second time:\n%s", b.DownloadName, again.body)
				}
			}
		})
	}
}

// readBill is a bill's head, and of each row what differs from row to row.
func readBill(t *testing.T, text string) (head string, rows []string) {
	t.Helper()
	at := strings.LastIndex(text, "\n#")
	end := at + 1 + strings.IndexByte(text[at+1:], '\n') + 1
	r := csv.NewReader(strings.NewReader(text[end:]))
	titles, err := r.Read()
	if err != nil || len(titles) != 13 || titles[0] != "交易时间" {
		t.Fatalf("titles %q, %v", titles, err)
	}
	for {
		row, err := r.Read()
		if err == io.EOF {
			return text[:end], rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, strings.Join([]string{row[0], row[2], row[3], row[5], row[6], row[8], row[9], row[10]}, " "))
	}
}

// TestBillAddresses looks at where bills are, and who gets them.
func TestBillAddresses(t *testing.T) {
	k := aWeekend(t)
	today := k.bills("orderBill", k.token, "2026-01-06")[0]
	if today.CreateTime != "2026-01-06 00:01:00" || today.DownloadName != fmt.Sprintf("%d_20260106_order.csv", k.m.deal) || today.ExportStatus != 100 {
		t.Errorf("today's %+v", today)
	}
	yesterday := k.bills("tp/orderBill", k.c.Authorizer.AccessToken, "2026-01-05")[0]
	if yesterday.CreateTime != "2026-01-06 00:00:00" || yesterday != k.bills("orderBill", k.token, "2026-01-05")[0] {
		t.Errorf("yesterday's %+v", yesterday)
	}
	if got := k.bills("tp/capitaBill", k.c.Authorizer.AccessToken, "2026-01-05"); len(got) != 3 || !strings.HasSuffix(got[2].DownloadName, "_refund.csv") {
		t.Errorf("money: %+v", got)
	}
	// Addresses are those that the caller used.
	for want, change := range map[string]func(*http.Request){
		"http://example.com/rest":    func(*http.Request) {},
		"http://127.0.0.1:4010/rest": func(r *http.Request) { r.Host = "127.0.0.1:4010" },
		"https://emu.example/rest": func(r *http.Request) {
			r.Host = "emu.example"
			r.Header.Set("X-Forwarded-Proto", "https")
		},
	} {
		r := httptest.NewRequest(http.MethodGet, pathPayments+"orderBill?billTime=2026-01-05&access_token="+k.token, nil)
		change(r)
		var out struct{ Data []bill }
		serve(k.e, r).data(t, &out)
		if len(out.Data) != 1 || !strings.HasPrefix(out.Data[0].URL, want) {
			t.Errorf("bills at %+v, want %s…", out.Data, want)
		}
	}
	// They are secrets: whoever has one gets the file.
	if journal := ask(k.e, "GET", box+"/journal?limit=1000", "").body; bytes.Contains(journal, []byte("sign=")) || !bytes.Contains(journal, []byte(`"url":"[redacted]"`)) {
		t.Errorf("the journal tells where bills are: %s", journal)
	}
	for day, want := range map[string]string{
		"2026-01-07": "10001 参数错误：billTime 不能晚于今天", "2026-02-30": "10001 参数错误：billTime 应为 yyyy-MM-dd 格式的日期",
		"20260105": "40001 参数错误：billTime", "": "40001 参数错误：billTime",
	} {
		if got := get(k.e, pathPayments+"orderBill", "access_token", k.token, "billTime", day).refusalText(t); !strings.HasPrefix(got, want) {
			t.Errorf("the bill of %q: %s, want %s", day, got, want)
		}
	}
	for change, want := range map[string]string{
		"sign=" + strings.Repeat("0", 32): "10000 签名校验失败", "type=all": "10000 签名校验失败", "billTime=2026-01-04": "10000 签名校验失败",
		"appKey=MMMabc": "10002 系统错误，appKey未找到", "type=fees": "40001 参数错误：type",
	} {
		u, err := url.Parse(yesterday.URL)
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		name, value, _ := strings.Cut(change, "=")
		query.Set(name, value)
		if got := k.download("http://x" + u.Path + "?" + query.Encode()).refusalText(t); !strings.HasPrefix(got, want) {
			t.Errorf("with %s: %s, want %s", change, got, want)
		}
	}
}
