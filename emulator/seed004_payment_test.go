package emulator_test

// What seed 004 says of the cashier, from top to bottom, held against what the
// emulator does.

import (
	"fmt"
	"strings"
	"testing"
)

// A payRow is a statement of the document.
type payRow struct {
	says string
	// do returns what the emulator does about it, want is what it should.
	do   func(k *market) string
	want string
	// differs says where the emulator does otherwise than the document, and
	// why; "" is nowhere.
	differs string
}

// without is an order without one of its parameters.
func without(order []string, name string) (out []string) {
	for i := 0; i < len(order); i += 2 {
		if order[i] != name {
			out = append(out, order[i], order[i+1])
		}
	}
	return out
}

// said is errno and msg of a refusal, the result of a success.
func (k *market) said(a answer) string {
	k.Helper()
	if a.code() != 0 {
		return a.refusalText(k)
	}
	var p payment
	a.data(k, &p)
	return strings.TrimSpace(p.Result + " " + p.Channel)
}

// TestSeed004Payment is the section of the cashier.
func TestSeed004Payment(t *testing.T) {
	k := newMarket(t, false, nil)
	must[fields](t, k.e, "POST", box+"/merchants", `{"deal_id":470193086,"app_key":"MMMabc"}`)
	example := &merchant{t: t, private: k.m.private, deal: 470193086, key: "MMMabc"}
	missing := func(name string) func(k *market) string {
		return func(k *market) string {
			return k.said(post(k.e, pathCashier, without(k.m.order("missing", 1), name)...))
		}
	}
	banned := func(list string) func(k *market) string {
		return func(k *market) string { return k.said(k.cashier("without "+list, 1, "bannedChannels", list)) }
	}
	// The example's orderInfo as it stands.
	printed := []string{
		"dealId", "470193086", "appKey", "MMMabc", "totalAmount", "1", "tpOrderId", "3028903626",
		"dealTitle", "智能小程序Demo支付测试", "rsaSign", "", "bizInfo", "",
	}
	for i, row := range []payRow{
		{
			says: "聚合了主流的百度钱包、微信、支付宝、网银等多种支付方式",
			do: func(k *market) string {
				var all []string
				for i, list := range []string{"", "Alipay", "Alipay,BDWallet"} {
					all = append(all, k.pay(fmt.Sprint("channel", i), 1, "bannedChannels", list).Channel)
				}
				return strings.Join(all, " ")
			},
			want: "Alipay BDWallet WeChat", differs: "网银 has no channel in the document's table, so it cannot be paid by here",
		},
		{
			says: "orderInfo 必填: dealId", do: missing("dealId"), want: "40001 参数错误：缺少参数 dealId",
			differs: "the document does not say which of the fields may be missing; the cashier needs them all",
		},
		{says: "orderInfo 必填: appKey", do: missing("appKey"), want: "40001 参数错误：缺少参数 appKey"},
		{says: "orderInfo 必填: totalAmount", do: missing("totalAmount"), want: "40001 参数错误：缺少参数 totalAmount"},
		{says: "orderInfo 必填: tpOrderId", do: missing("tpOrderId"), want: "40001 参数错误：缺少参数 tpOrderId"},
		{says: "orderInfo 必填: dealTitle", do: missing("dealTitle"), want: "40001 参数错误：缺少参数 dealTitle"},
		{says: "orderInfo 必填: rsaSign", do: missing("rsaSign"), want: "40001 参数错误：缺少参数 rsaSign"},
		{says: "orderInfo 必填: bizInfo", do: missing("bizInfo"), want: "40001 参数错误：缺少参数 bizInfo"},
		{
			says: "bannedChannels 选填", do: func(k *market) string { return k.said(k.cashier("no list", 1)) }, want: "paid Alipay",
		},
		{
			says: "dealId: 每笔交易将结算到dealId对应的协议主体",
			do: func(k *market) string {
				post(k.e, pathCashier, example.order("settled", 7)...).data(k, new(any))
				b := k.bills("orderBill", k.token, "2026-01-05")
				var out struct{ Data []bill }
				get(k.e, pathPayments+"orderBill", "access_token", k.token, "billTime", "2026-01-05", "pmAppKey", "MMMabc").data(k, &out)
				return fmt.Sprint(strings.Contains(string(k.download(b[0].URL).body), ",settled,"), " ",
					strings.Contains(string(k.download(out.Data[0].URL).body), ",settled,"))
			},
			want: "false true",
		},
		{
			says: "dealId 与账号绑定的结算协议一一对应",
			do:   func(k *market) string { return k.said(k.cashier("foreign", 1, "dealId", "470193086")) },
			want: "10001 参数错误：dealId 不是该 appKey 的财务结算凭证",
		},
		{
			says: "appKey: 唯一确定一个应用",
			do:   func(k *market) string { return k.said(k.cashier("foreign", 1, "appKey", "MMMxyz")) },
			want: "10002 系统错误，appKey未找到",
		},
		{
			says: "totalAmount: 订单金额，单位为人民币分",
			do: func(k *market) string {
				k.pay("amount", 101)
				b := k.bills("orderBill", k.token, "2026-01-05")
				_, row, _ := strings.Cut(string(k.download(b[0].URL).body), ",amount,")
				return strings.Split(row, ",")[2] + "元"
			},
			want: "1.01元",
		},
		{
			says: "tpOrderId: 当支付状态发生变化时，会通过此订单ID通知商户",
			do: func(k *market) string {
				advance(k, k.s, 0)
				k.m.take()
				k.pay("3028903627", 1)
				advance(k, k.s, 0)
				return strings.Join(k.m.take(), ", ")
			},
			want: "/notify 3028903627 status 2",
		},
		{
			says: "tpOrderId: 商户平台自己记录的订单ID",
			do:   func(k *market) string { return k.said(k.cashier("3028903627", 1)) },
			want: "40000 记录已存在：tpOrderId 3028903627 的订单已消费",
		},
		{
			says: "dealTitle: 订单的名称",
			do:   func(k *market) string { return k.said(k.cashier("untitled", 1, "dealTitle", "")) },
			want: "40001 参数错误：dealTitle 长度不能小于 1",
		},
		{
			says: "rsaSign: 对appKey+dealId+tpOrderId进行RSA加密后的密文",
			do: func(k *market) string {
				sign := k.m.sign(map[string]string{"appKey": k.m.key, "dealId": fmt.Sprint(k.m.deal), "tpOrderId": "three"})
				return k.said(post(k.e, pathCashier, withChanges(without(k.m.order("three", 1), "signFieldsRange"), []string{"rsaSign", sign})...))
			},
			want: "paid Alipay", differs: "it is signed, not encrypted (the document the section points to); signFieldsRange 1 signs totalAmount too",
		},
		{
			says: "rsaSign: 防止订单被伪造",
			do: func(k *market) string {
				return k.said(k.cashier("forged", 1, "tpOrderId", "forged2"))
			},
			want: fmt.Sprintf("10000 签名校验失败：待签名字符串为 appKey=%s&dealId=%d&totalAmount=1&tpOrderId=forged2", k.m.key, k.m.deal),
		},
		{
			says: "bizInfo: 需要是一个可解析为JSON Object的字符串",
			do: func(k *market) string {
				return k.said(k.cashier("biz", 1, "bizInfo", "[]")) + ", " + k.said(k.cashier("biz", 1, "bizInfo", "{}"))
			},
			want: "10001 参数错误：bizInfo 应为可解析为 JSON Object 的字符串, paid Alipay",
		},
		{says: "bannedChannels: Alipay 支付宝", do: banned("Alipay"), want: "paid BDWallet"},
		{says: "bannedChannels: BDWallet 百度钱包", do: banned("BDWallet,Alipay"), want: "paid WeChat"},
		{
			says: "bannedChannels: 微信支付 (没有 channel 一栏)", do: banned("微信支付,BDWallet"), want: "paid Alipay",
			differs: "the row has lost its first cell: 微信支付 is taken as it stands, and WeChat, which later documents have",
		},
		{
			says: "bannedChannels: all of the table", do: banned("Alipay,BDWallet,微信支付"),
			want: "10002 系统错误，操作不允许：bannedChannels 隐藏了全部支付方式",
		},
		{
			says: "示例: rsaSign '', bizInfo ''", do: func(k *market) string { return k.said(post(k.e, pathCashier, printed...)) },
			want:    "10000 签名校验失败：待签名字符串为 appKey=MMMabc&dealId=470193086&tpOrderId=3028903626",
			differs: "the example leaves both to the reader; nobody has signed it",
		},
		{
			says: "示例, signed", do: func(k *market) string {
				sign := example.sign(map[string]string{"appKey": "MMMabc", "dealId": "470193086", "tpOrderId": "3028903626"})
				return k.said(post(k.e, pathCashier, withChanges(printed, []string{"rsaSign", sign})...))
			},
			want: "10001 参数错误：bizInfo 应为可解析为 JSON Object 的字符串", differs: "the section itself wants a JSON object there",
		},
		{
			says: "示例: success 支付成功", do: func(k *market) string {
				return k.said(post(k.e, pathCashier, withChanges(printed, []string{"bizInfo", "{}"})...))
			},
			want: "paid Alipay",
		},
		{
			says: "示例: fail", do: func(k *market) string {
				must[fields](k, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"cancelled"}`)
				return k.said(k.cashier("cancelled", 1))
			},
			want: "cancelled", differs: "the answer says so with errno 0: what the user did is no error of the cashier's",
		},
	} {
		if got := row.do(k); got != row.want {
			t.Errorf("%d, %s: %s, want %s", i, row.says, got, row.want)
		}
		if row.differs != "" {
			t.Logf("%s: %s", row.says, row.differs)
		}
	}
}
