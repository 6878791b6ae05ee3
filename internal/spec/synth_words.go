package spec

import "strings"

// The words that texts are made of, separated by blanks. Constants, so that
// nothing can change them.
const (
	surnames   = "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐 冯 于 董 萧"
	givenNames = "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀英 霞 平 刚 桂英 文 华 子涵 欣怡 浩然 宇轩 梓萱 一诺 雨桐 俊杰"
	cities     = "北京 上海 广州 深圳 杭州 南京 成都 武汉 西安 重庆 天津 苏州 长沙 青岛 郑州 宁波 厦门 合肥 济南 福州"
	districts  = "朝阳 海淀 浦东 天河 南山 西湖 鼓楼 武侯 江汉 雁塔 渝北 南开 吴中 岳麓 市南 金水 海曙 思明 蜀山 历下"
	streets    = "人民 中山 解放 建设 和平 文化 科技 学院 滨河 长江 黄河 新华 振兴 东风 友谊 光明"
	trades     = "科技 网络 信息 文化 教育 商贸 传媒 软件 健康 物流 餐饮 旅游"
	brands     = "星河 云杉 蓝海 晨光 远山 青禾 百川 启明 南风 万象 千帆 锦程 朗月 新语 同舟 微光"
	appKinds   = "点餐 天气 商城 打卡 记账 外卖 课堂 问诊 出行 菜谱 影票 笔记 相册 快递 健身 阅读"
	hanWords   = "服务 平台 用户 商品 订单 内容 功能 页面 活动 优惠 体验 推荐 会员 生活 城市 美食 阅读 视频 健康 学习"
	subjects   = "本次更新 新版本 该小程序 首页 用户中心 商品详情页 订单模块 搜索功能 支付流程 会员页面"
	verbs      = "优化了 增加了 修复了 完善了 支持了 调整了"
	objects    = "页面加载速度 列表展示 登录流程 消息提醒 图片显示问题 部分机型的兼容问题 优惠券展示 搜索结果排序"
	reasons    = "名称与服务内容不符 服务类目选择有误 页面无法正常打开 提供的测试账号无法登录 简介内容过于简单 图标不清晰 存在与服务无关的内容"
	slugWords  = "amber birch cedar delta ember fjord grove harbor island jasper kernel lagoon meadow nimbus orchid pebble quartz river summit timber umber valley willow zephyr"
	paths      = "pages/index/index pages/detail/detail pages/list/list pages/user/user pages/order/order pages/search/search"
)

// word picks a word of a list that is separated by blanks.
func (m *maker) word(list string) string {
	n := m.faker.IntN(strings.Count(list, " ") + 1)
	for range n {
		_, list, _ = strings.Cut(list, " ")
	}
	word, _, _ := strings.Cut(list, " ")
	return word
}

func (m *maker) chineseName() string { return m.word(surnames) + m.word(givenNames) }

func (m *maker) chineseCompany() string {
	return m.word(cities) + m.word(brands) + m.word(trades) + "有限公司"
}

func (m *maker) chineseAppName() string { return m.word(brands) + m.word(appKinds) }

func (m *maker) chineseSentence() string {
	return m.word(subjects) + m.word(verbs) + m.word(objects) + "。"
}

func (m *maker) chineseCity() string { return m.word(cities) + "市" }

func (m *maker) chineseAddress() string {
	return m.chineseCity() + m.word(districts) + "区" + m.word(streets) + "路" + m.digits(1+m.faker.IntN(3), true) + "号"
}

// phoneCN is a mobile number of China.
func (m *maker) phoneCN() string {
	return "1" + string("3578"[m.faker.IntN(4)]) + m.digits(9, false)
}

// digits is a text of n digits; nonzero keeps the first from being 0.
func (m *maker) digits(n int, nonzero bool) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + m.faker.IntN(10))
	}
	if nonzero && n > 0 && b[0] == '0' {
		b[0] = '1'
	}
	return string(b)
}

// version is a version of three numbers.
func (m *maker) version() string {
	return m.digits(1, true) + "." + m.digits(1, false) + "." + m.digits(1, false)
}

// textOf generates a text of a kind, in the language asked for.
func (m *maker) textOf(kind string, chinese bool) string {
	if chinese {
		if text := m.chineseOf(kind); text != "" {
			return text
		}
	}
	switch kind {
	case "name", "nickname", "author", "owner", "contact":
		return m.faker.Name()
	case "company":
		return m.faker.Company()
	case "app_name":
		return m.faker.AppName()
	case "sentence", "reason":
		return m.faker.Sentence()
	case "title":
		return m.faker.Phrase()
	case "address":
		return m.faker.Address().Address
	case "city":
		return m.faker.City()
	case "phone":
		return m.faker.Phone()
	case "email", "mail":
		return m.slug() + m.hex(2) + "@example.com"
	case "url", "link", "href", "uri", "homepage", "website":
		return m.link()
	case "image", "img", "avatar", "photo", "icon", "logo", "picture":
		return m.imageURL()
	case "version":
		return m.version()
	case "time":
		return m.past().Format("2006-01-02T15:04:05Z07:00")
	case "date":
		return m.past().Format("2006-01-02")
	case "color":
		return m.faker.HexColor()
	case "language":
		return m.faker.Language()
	}
	return m.opaque(kind)
}

// chineseOf generates the kinds of text that the platform would give in
// Chinese; "" for the others.
func (m *maker) chineseOf(kind string) string {
	switch kind {
	case "name", "author", "owner", "contact", "nickname", "username", "user":
		return m.chineseName()
	case "company":
		return m.chineseCompany()
	case "app_name":
		return m.chineseAppName()
	case "sentence":
		return m.chineseSentence()
	case "reason":
		return m.word(reasons) + "。"
	case "title":
		return m.word(brands) + m.word(hanWords)
	case "address":
		return m.chineseAddress()
	case "city":
		return m.chineseCity()
	case "phone":
		return m.phoneCN()
	case "time":
		return chinaTime(m.past()).Format(eventTimeLayout)
	case "language":
		return "zh-CN"
	}
	return ""
}

// opaque generates the texts that mean something to machines only.
func (m *maker) opaque(kind string) string {
	switch kind {
	case "username", "user":
		return m.slug() + m.hex(3)
	case "ip":
		return m.faker.IPv4Address()
	case "host", "hostname", "domain":
		return m.hostname()
	case "file":
		return m.slug() + ".json"
	case "path":
		return m.word(paths)
	case "uuid":
		return m.faker.UUID()
	case "id", "code", "nonce":
		return m.hex(16)
	}
	return m.hex(32)
}

// imageURL is the URL of an image.
func (m *maker) imageURL() string { return "https://" + m.hostname() + "/" + m.hex(16) + ".png" }
