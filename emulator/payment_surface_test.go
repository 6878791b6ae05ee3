package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// The answers as the official client reads them.
type (
	sdkEnvelope[T any] struct {
		Data      T      `json:"data"`
		Errno     int64  `json:"errno"`
		Msg       string `json:"msg"`
		ErrorCode int64  `json:"error_code"`
		ErrorMsg  string `json:"error_msg"`
	}
	sdkOrder[ID any] struct {
		AppID         int64  `json:"appId"`
		AppKey        int64  `json:"appKey"`
		BizInfo       string `json:"bizInfo"`
		Count         int64  `json:"count"`
		CreateTime    int64  `json:"createTime"`
		DealID        int64  `json:"dealId"`
		OpenID        ID     `json:"openId"`
		OrderID       int64  `json:"orderId"`
		OriPrice      int64  `json:"oriPrice"`
		ParentOrderID int64  `json:"parentOrderId"`
		ParentType    int64  `json:"parentType"`
		PayMoney      int64  `json:"payMoney"`
		SettlePrice   int64  `json:"settlePrice"`
		Status        int64  `json:"status"`
		SubStatus     int64  `json:"subStatus"`
		TotalMoney    int64  `json:"totalMoney"`
		TPID          int64  `json:"tpId"`
		TPOrderID     string `json:"tpOrderId"`
		TradeNo       string `json:"tradeNo"`
		Type          int64  `json:"type"`
		UserID        int64  `json:"userId"`
	}
	sdkApplied struct {
		RefundBatchID  string `json:"refundBatchId"`
		RefundPayMoney int64  `json:"refundPayMoney"`
	}
	sdkRefund struct {
		BizRefundBatchID string `json:"bizRefundBatchId"`
		OrderID          int64  `json:"orderId"`
		RefundBatchID    int64  `json:"refundBatchId"`
		RefundStatus     int64  `json:"refundStatus"`
		UserID           int64  `json:"userId"`
	}
	sdkBills struct {
		Data []struct {
			CreateTime   string `json:"createTime"`
			DownloadName string `json:"downloadName"`
			ExportStatus int64  `json:"exportStatus"`
			URL          string `json:"url"`
		} `json:"data"`
		TotalCount int64 `json:"totalCount"`
	}
)

// strictAnswer decodes an answer into one of the client's types and wants
// nothing else to be in it and nothing of it to be missing.
func strictAnswer[T any](t *testing.T, what string, a answer) {
	t.Helper()
	var out sdkEnvelope[T]
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil || out.Errno != 0 || out.ErrorCode != 0 {
		t.Errorf("%s: %s (%v)", what, a.body, err)
		return
	}
	was, err := json.Marshal(out.Data)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	var env struct{ Data json.RawMessage }
	a.into(t, &env)
	if json.Unmarshal(env.Data, &got) != nil || json.Unmarshal(was, &want) != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: answered %s, the client reads %s", what, env.Data, was)
	}
}

// TestPaymentAnswersForTheSDK reads every answer of the payment service as the
// official client does, for developers and third-party platforms.
func TestPaymentAnswersForTheSDK(t *testing.T) {
	k := newMarket(t, true, nil)
	k.pay("x", 1000)
	o := k.order("x")
	for prefix, token := range map[string]string{"": k.token, "tp/": k.c.Authorizer.AccessToken} {
		call := func(path string, kv ...string) answer {
			return get(k.e, pathPayments+prefix+path, append(kv, "access_token", token, "pmAppKey", k.m.key)...)
		}
		if prefix == "" {
			strictAnswer[sdkOrder[int64]](t, prefix+"findByTpOrderId", call("findByTpOrderId", "tpOrderId", "x"))
		} else {
			strictAnswer[sdkOrder[string]](t, prefix+"findByTpOrderId", call("findByTpOrderId", "tpOrderId", "x"))
		}
		strictAnswer[sdkApplied](t, prefix+"applyOrderRefund", post(k.e, pathPayments+prefix+"applyOrderRefund",
			"access_token", token, "applyRefundMoney", "10", "bizRefundBatchId", "b"+prefix, "isSkipAudit", "0", "orderId", fmt.Sprint(o.ID),
			"refundReason", "x", "refundType", "1", "tpOrderId", "x", "userId", fmt.Sprint(o.User), "refundNotifyUrl", "http://127.0.0.1:1/x",
			"pmAppKey", k.m.key))
		strictAnswer[[]sdkRefund](t, prefix+"findOrderRefund", call("findOrderRefund", "tpOrderId", "x", "userId", fmt.Sprint(o.User)))
		strictAnswer[sdkBills](t, prefix+"orderBill", call("orderBill", "billTime", "2026-01-05"))
		strictAnswer[sdkBills](t, prefix+"capitaBill", call("capitaBill", "billTime", "2026-01-05"))
		must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"failed"}`)
		unpaid := k.pay("unpaid "+prefix, 1)
		strictAnswer[bool](t, prefix+"cancelOrder", call("cancelOrder", "orderId", fmt.Sprint(unpaid.OrderID)))
	}
	advance(t, k.s, time.Second)
}
