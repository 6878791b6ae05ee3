package emulator

import (
	_ "embed"
	"net/url"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// What the page of the alliance looks like. It is written in Go and not as a
// template: whoever executes templates calls methods by name, and the linker
// then keeps every exported method of the program. Texts and attributes are
// escaped where they are written; only the style sheet goes in as it is.

//go:embed alliance.css
var allianceCSS string

// node is the page.
func (p *alliancePage) node() g.Node {
	return h.Doctype(h.HTML(
		h.Lang("zh-CN"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text("开源联盟平台 · "+p.Sandbox)),
			h.StyleEl(g.Raw("\n"+allianceCSS)),
		),
		h.Body(
			h.Header(h.Div(
				h.H1(g.Text("开源联盟平台"), h.Small(g.Text("注册联盟成员与宿主 APP，取得 AK、SK、officalNo 与 containerNo"))),
				p.picker(),
			)),
			h.Main(
				told("bad", "alert", p.Problem), told("good", "status", p.Done),
				h.H2(g.Text("联盟成员")), p.members(),
				h.H2(g.Text("注册联盟成员")), p.registration(),
				h.H2(g.Text("接下来")), p.next(),
			),
		),
	))
}

// picker lets the reader choose among the sandboxes, if there is a choice.
func (p *alliancePage) picker() g.Node {
	if len(p.Sandboxes) < 2 {
		return remark(g.Text("沙箱 "), literal(p.Sandbox))
	}
	return h.Form(
		h.Class("pick"), h.Method("get"), h.Action(alliancePath),
		h.Label(h.For("sandbox"), g.Text("沙箱")),
		h.Select(h.ID("sandbox"), h.Name("sandbox"), g.Map(p.Sandboxes, func(name string) g.Node {
			return h.Option(g.If(name == p.Sandbox, h.Selected()), g.Text(name))
		})),
		h.Button(g.Text("切换")),
	)
}

// told says what became of what was sent; "" says nothing.
func told(class, role, text string) g.Node {
	return g.If(text != "", h.P(h.Class("told "+class), h.Role(role), g.Text(text)))
}

// members are the members of the alliance.
func (p *alliancePage) members() g.Node {
	if len(p.Hosts) == 0 {
		return h.P(h.Class("note"), g.Text("还没有联盟成员。"))
	}
	return g.Map(p.Hosts, p.member)
}

// member is one member with its host apps, and the form for one more.
func (p *alliancePage) member(host Host) g.Node {
	no := strconv.FormatInt(host.OfficalNo, 10)
	return h.Section(
		h.ID("member-"+no), g.If(host.OfficalNo == p.New, h.Class("new")),
		h.Div(h.Class("head"), h.H3(g.Text(host.Name)), remark(g.Text("officalNo "), literal(no))),
		h.Dl(
			fact("AK", literal(host.AK)),
			fact("SK", literal(host.SK)),
			fact("hsk", literal(host.HSK)),
			fact("code 换取服务", exchangedAt(host.URL)),
			fact("可见的小程序", visibleApps(host.AppIDs)),
		),
		h.Table(
			h.THead(h.Tr(g.Map([]string{"containerNo", "APP", "包名", "签名 key hash"}, func(name string) g.Node { return h.Th(g.Text(name)) }))),
			h.TBody(g.Map(host.Containers, containerRow)),
		),
		h.Details(
			g.If(host.OfficalNo == p.Opened, g.Attr("open")),
			h.Summary(g.Text("增加宿主 APP")),
			p.form(
				h.Input(h.Type("hidden"), h.Name("offical_no"), h.Value(no)),
				field("APP 名称", "container_name", h.MaxLength("100"), h.Required()),
				field("包名", "pkgname", h.MaxLength("200"), h.Placeholder("com.example.host")),
				field("签名 key hash", "key_hash", h.MaxLength("200"), h.Placeholder("留空则生成")),
				h.Div(h.Class("wide"), h.Button(g.Text("增加"))),
			),
		),
	)
}

// fact is a row of the list of what a member has.
func fact(name string, value g.Node) g.Node {
	return g.Group{h.Dt(g.Text(name)), h.Dd(value)}
}

// exchangedAt is where a member's server exchanges codes.
func exchangedAt(address string) g.Node {
	if address == "" {
		return remark(g.Text("未填写，由仿真器代为处理"))
	}
	return literal(address)
}

// visibleApps are the apps that a member may see.
func visibleApps(ids []int64) g.Node {
	if len(ids) == 0 {
		return g.Text("全部")
	}
	var list g.Group
	for i, id := range ids {
		if i > 0 {
			list = append(list, g.Text("、"))
		}
		list = append(list, literal(strconv.FormatInt(id, 10)))
	}
	return list
}

// containerRow is the row of a host app. The names are those of the columns,
// for screens that are too narrow for a table.
func containerRow(c Container) g.Node {
	cell := func(name string, content g.Node) g.Node { return h.Td(h.Data("name", name), content) }
	return h.Tr(
		cell("containerNo", literal(strconv.FormatInt(c.ContainerNo, 10))),
		cell("APP", g.Text(c.Name)),
		cell("包名", literal(c.Pkgname)),
		cell("key hash", literal(c.KeyHash)),
	)
}

// registration is the form for one member more, as it was filled in.
func (p *alliancePage) registration() g.Node {
	was := func(name string) g.Node { return h.Value(p.Filled[name]) }
	return h.Section(p.form(
		field("成员名称，小写字母与数字（可选）", "name", h.MaxLength("32"), h.Pattern("[a-z0-9]+"), was("name"), h.Placeholder("登录 code 中 @ 之后的部分")),
		field("code 换取服务的地址（可选）", "url", h.MaxLength("2000"), was("url"), h.Placeholder("http://127.0.0.1:9000/sessionkey")),
		field("hsk，平台与宿主互相签名的密钥（可选）", "hsk", h.MaxLength("200"), h.Value(""), h.AutoComplete("off"), h.Placeholder("留空则生成")),
		field("可见的小程序 app_id，以逗号分隔（可选）", "app_ids", was("app_ids"), h.Placeholder("留空则为全部")),
		h.FieldSet(
			h.Class("wide"),
			h.Legend(g.Text("第一个宿主 APP（以后可以再增加）")),
			field("APP 名称", "container_name", h.MaxLength("100"), was("container_name")),
			field("包名", "pkgname", h.MaxLength("200"), was("pkgname"), h.Placeholder("com.example.host")),
			field("签名 key hash", "key_hash", h.MaxLength("200"), was("key_hash"), h.Placeholder("留空则生成")),
		),
		h.Div(h.Class("wide"), h.Button(g.Text("注册"))),
	))
}

// form is a form that is sent to this page, about this sandbox.
func (p *alliancePage) form(content ...g.Node) g.Node {
	to := alliancePath + "?" + url.Values{"sandbox": {p.Sandbox}}.Encode()
	return h.Form(h.Class("fields"), h.Method("post"), h.Action(to), g.Group(content))
}

// field is a field of a form with what stands above it.
func field(label, name string, attributes ...g.Node) g.Node {
	return h.Label(g.Text(label), h.Input(h.Name(name), g.Group(attributes)))
}

// next says what a member does with what it got here.
func (p *alliancePage) next() g.Node {
	return h.Section(
		h.P(g.Text("以 AK、SK 换取 access_token，再查询小程序：")),
		h.P(literal("GET /oauth/2.0/token?grant_type=client_credentials&client_id=AK&client_secret=SK&scope=smartapp_snsapi_base")),
		h.P(literal("GET /rest/2.0/smartapp/oss/app/info?access_token=ACCESS_TOKEN&app_ids=APP_IDS")),
		h.P(g.Text("小程序与代码包的变更（通知码 100、101）发送到 Kafka 的 topic "), literal(p.Topic), g.Text("，所有成员都能读到。")),
	)
}

func remark(content ...g.Node) g.Node { return h.Span(h.Class("note"), g.Group(content)) }

func literal(text string) g.Node { return h.Code(g.Text(text)) }
