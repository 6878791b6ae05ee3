package emulator

// The library of titles and keywords that message templates are made of. The
// platform's has thousands; this one is of our own words, with ids in the form
// of the platform's (D).

// A libraryEntry is one title. Keywords and their examples alternate.
type libraryEntry struct {
	id, title string
	keywords  []string
}

// all returns its keywords, numbered from 1.
func (e *libraryEntry) all() []Keyword {
	out := make([]Keyword, len(e.keywords)/2)
	for i := range out {
		out[i] = Keyword{ID: i + 1, Name: e.keywords[2*i], Example: e.keywords[2*i+1]}
	}
	return out
}

// inLibrary returns the title with that id.
func inLibrary(id string) (libraryEntry, bool) {
	for _, e := range templateLibrary() {
		if e.id == id {
			return e, true
		}
	}
	return libraryEntry{}, false
}

// templateLibrary is the whole library, in order of id.
func templateLibrary() []libraryEntry {
	return []libraryEntry{
		{"BD0001", "订单支付结果", []string{"订单号", "20260105001", "支付金额", "128.00元", "支付时间", "2026年1月5日 09:00", "商品", "冬季围巾", "备注", "我们会尽快发货"}},
		{"BD0002", "订单发货", []string{"订单号", "20260105001", "快递公司", "示例快递", "快递单号", "SF0000000001", "发货时间", "2026年1月5日 16:30", "商品", "冬季围巾"}},
		{"BD0003", "待付款", []string{"订单号", "20260105002", "待付金额", "59.90元", "商品", "保温杯", "截止时间", "2026年1月5日 21:00"}},
		{"BD0004", "退款进度", []string{"订单号", "20260105001", "退款金额", "128.00元", "退款状态", "已原路退回", "退款时间", "2026年1月8日 10:12"}},
		{"BD0005", "预约成功", []string{"预约项目", "牙齿检查", "预约时间", "2026年1月12日 10:00", "地点", "示例路 1 号", "联系人", "张三", "联系电话", "010-00000000"}},
		{"BD0006", "预约取消", []string{"预约项目", "牙齿检查", "取消原因", "行程有变", "取消时间", "2026年1月6日 18:20"}},
		{"BD0007", "报名结果", []string{"活动", "城市定向赛", "报名人", "李四", "结果", "报名成功", "活动时间", "2026年3月1日 08:30", "集合地点", "中心广场"}},
		{"BD0008", "取号成功", []string{"号码", "A032", "前面人数", "12", "门店", "示例餐厅总店", "取号时间", "2026年1月5日 11:40"}},
		{"BD0009", "业务受理", []string{"业务", "居住证办理", "受理编号", "SL20260105009", "受理时间", "2026年1月5日 14:05", "受理状态", "办理中"}},
		{"BD0010", "审批结果", []string{"事项", "年假申请", "审批人", "王五", "审批结果", "同意", "审批时间", "2026年1月5日 17:45"}},
		{"BD0011", "会员到期", []string{"会员", "金卡会员", "到期时间", "2026年2月1日", "续费金额", "98.00元"}},
		{"BD0012", "积分变动", []string{"变动积分", "+100", "当前积分", "1320", "变动原因", "每日签到", "变动时间", "2026年1月5日 08:00"}},
		{"BD0013", "降价提醒", []string{"商品", "冬季围巾", "原价", "128.00元", "现价", "99.00元", "结束时间", "2026年1月10日"}},
		{"BD0014", "更新提醒", []string{"作品", "山间来信", "最新一集", "第 36 集", "更新时间", "2026年1月5日 20:00"}},
		{"BD0015", "开售提醒", []string{"演出", "新年音乐会", "开售时间", "2026年1月9日 12:00", "演出地点", "示例大剧院", "票价", "180 元起"}},
		{"BD0016", "取票成功", []string{"车次", "G0001", "出发地", "北京", "目的地", "广州", "发车时间", "2026年1月10日 10:20", "座位", "5 车 12F", "检票口", "3 号口"}},
	}
}
