package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The page of the alliance (seed 000 asks for one): its members with their
// keys and host apps, and forms to register more. It gives the same orders as
// the control API and lets the same people in; a browser sends the admin token
// as the password of HTTP Basic authentication. There is no script on it.

// alliancePath is where the page is; the parameter sandbox names the sandbox.
const alliancePath = ControlPrefix + "alliance"

const (
	mediaHTML = "text/html; charset=utf-8"
	mediaForm = "application/x-www-form-urlencoded"
	// allianceForm bounds a form that the page sends, in bytes.
	allianceForm = 64 << 10
)

// alliancePage is what the page shows.
type alliancePage struct {
	Sandbox   string
	Sandboxes []string
	Topic     string
	Hosts     []Host
	// New is the officalNo of the member that was just registered or got an
	// app, Opened of the one whose form is to stay open; 0 for none.
	New, Opened int64
	// Done and Problem say what became of what was sent, Filled what it was.
	Done, Problem string
	Filled        map[string]string
}

// allianceSandbox is the sandbox that a request for the page is about.
func allianceSandbox(r *http.Request) string {
	if name := r.URL.Query().Get("sandbox"); name != "" {
		return name
	}
	return DefaultSandbox
}

// alliance answers a request for the page. bound is the only sandbox that the
// caller may see; "" means any.
func (c *control) alliance(w http.ResponseWriter, r *http.Request, bound string) {
	p := alliancePage{Sandbox: allianceSandbox(r)}
	status := http.StatusOK
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.told(r.URL.Query())
	case http.MethodPost:
		// A page of another site must not register anybody with the rights of
		// who looks at it.
		if err := http.NewCrossOriginProtection().Check(r); err != nil {
			c.fail(w, nil, &controlProblem{Status: http.StatusForbidden, Detail: "a page of another site has sent the form: " + err.Error()})
			return
		}
		to, err := c.register(&p, r, bound)
		if err == nil {
			w.Header().Set("Location", to)
			c.write(w, nil, controlAnswer{status: http.StatusSeeOther})
			return
		}
		problem := problemOf(err)
		status, p.Problem = problem.Status, "没有注册："+inChinese(problem)
	default:
		w.Header().Set("Allow", "GET, POST")
		c.fail(w, nil, &controlProblem{Status: http.StatusMethodNotAllowed, Detail: r.URL.Path + " takes GET and POST, not " + r.Method})
		return
	}
	if err := c.fillPage(&p, bound); err != nil {
		c.fail(w, nil, err)
		return
	}
	c.show(w, status, &p)
}

// told reads what became of a form out of the address it led to.
func (p *alliancePage) told(q url.Values) {
	p.New, _ = strconv.ParseInt(q.Get("new"), 10, 64)
	if no := q.Get("container"); no != "" {
		p.Done = fmt.Sprintf("已增加宿主 APP，containerNo 为 %s。", no)
	} else if p.New != 0 {
		p.Done = fmt.Sprintf("注册成功，officalNo 为 %d。AK、SK 与 containerNo 见下。", p.New)
	}
}

// fillPage puts in what there is.
func (c *control) fillPage(p *alliancePage, bound string) error {
	box := c.e.Sandbox(p.Sandbox)
	if box == nil {
		return c.noSandbox(p.Sandbox, bound)
	}
	p.Sandboxes = []string{p.Sandbox}
	if bound == "" {
		p.Sandboxes = p.Sandboxes[:0]
		for _, s := range c.e.all() {
			p.Sandboxes = append(p.Sandboxes, s.name)
		}
	}
	return box.look(func(call *Call) {
		p.Topic = call.State.Config.Topic
		for _, h := range call.State.hosts() {
			p.Hosts = append(p.Hosts, *h)
		}
		if !slices.ContainsFunc(p.Hosts, func(h Host) bool { return h.OfficalNo == p.New }) {
			p.New, p.Done = 0, "" // it was in another life of the sandbox
		}
	})
}

// show writes the page.
func (c *control) show(w http.ResponseWriter, status int, p *alliancePage) {
	var body bytes.Buffer
	if err := p.node().Render(&body); err != nil {
		c.fail(w, nil, err)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	c.write(w, nil, controlAnswer{status: status, mediaType: mediaHTML, body: body.Bytes()})
}

// register gives the order that a form asks for and returns the address of the
// page that shows what came of it.
func (c *control) register(p *alliancePage, r *http.Request, bound string) (string, error) {
	if t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); strings.TrimSpace(t) != mediaForm {
		return "", &controlProblem{Status: http.StatusUnsupportedMediaType, Detail: "the page takes forms only: " + mediaForm}
	}
	body, err := readBody(r, allianceForm)
	if err != nil {
		return "", &controlProblem{Status: http.StatusRequestEntityTooLarge, Detail: "the form cannot be read, or is over the limit"}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", badRequest("", "the form cannot be decoded")
	}
	back := alliancePath + "?sandbox=" + url.QueryEscape(p.Sandbox)
	if member := form.Get("offical_no"); member != "" {
		p.Opened, _ = strconv.ParseInt(member, 10, 64)
		var made Container
		if err := c.give(r, bound, p.Sandbox, "/hosts/"+url.PathEscape(member)+"/containers", containerOf(form, 0), &made); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s&new=%s&container=%d#member-%s", back, url.QueryEscape(member), made.ContainerNo, url.PathEscape(member)), nil
	}
	p.Filled = map[string]string{}
	for _, name := range []string{"name", "url", "app_ids", "container_name", "pkgname", "key_hash"} {
		p.Filled[name] = form.Get(name)
	}
	var made Host
	if err := c.give(r, bound, p.Sandbox, "/hosts", memberOf(form), &made); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s&new=%d#member-%d", back, made.OfficalNo, made.OfficalNo), nil
}

// memberOf is the order to register a member that a form asks for. The fields
// of its host apps may stand more than once.
func memberOf(form url.Values) map[string]any {
	order := filled(map[string]string{"name": form.Get("name"), "url": form.Get("url"), "hsk": form.Get("hsk")})
	if ids := strings.FieldsFunc(form.Get("app_ids"), func(r rune) bool { return strings.ContainsRune(",，、 \t", r) }); len(ids) > 0 {
		list := make([]any, len(ids))
		for i, id := range ids {
			if list[i] = id; json.Valid([]byte(id)) {
				list[i] = json.RawMessage(id)
			}
		}
		order["app_ids"] = list
	}
	apps := []any{}
	for i := range max(len(form["container_name"]), len(form["pkgname"]), len(form["key_hash"])) {
		if one := containerOf(form, i); len(one) > 0 {
			apps = append(apps, one)
		}
	}
	order["containers"] = apps
	return order
}

// containerOf is the order for the ith host app of a form.
func containerOf(form url.Values, i int) map[string]any {
	at := func(name string) string {
		if i < len(form[name]) {
			return form[name][i]
		}
		return ""
	}
	return filled(map[string]string{"name": at("container_name"), "pkgname": at("pkgname"), "key_hash": at("key_hash")})
}

// filled leaves out what was left empty.
func filled(fields map[string]string) map[string]any {
	out := map[string]any{}
	for name, value := range fields {
		if value = strings.TrimSpace(value); value != "" {
			out[name] = value
		}
	}
	return out
}

// give gives an order to a sandbox the way a client of the control API does.
func (c *control) give(r *http.Request, bound, sandbox, path string, order, out any) error {
	api, err := c.load()
	if err != nil {
		return err
	}
	body, err := marshal(order)
	if err != nil {
		return err
	}
	inner, err := http.NewRequestWithContext(r.Context(), http.MethodPost,
		ControlPrefix+"sandboxes/"+url.PathEscape(sandbox)+path, bytes.NewReader(body))
	if err != nil {
		return badRequest("/sandbox", "the name of the sandbox cannot be part of an address")
	}
	inner.Header.Set("Content-Type", mediaJSON)
	m := api.contract.Match(inner)
	if m.Operation == nil {
		return errors.New("the control API has no " + path)
	}
	a, err := c.answer(api, m, inner, bound)
	if err != nil {
		return err
	}
	return json.Unmarshal(a.body, out)
}

// inChinese is a problem for whoever fills in the form.
func inChinese(p *controlProblem) string {
	for _, known := range [][2]string{
		{"/url", "code 换取服务的地址应为带主机名的 http 或 https 地址"},
		{"/app_ids", "可见的小程序应为本沙箱中已有的 app_id，以逗号分隔"},
		{"/hsk", "hsk 最长 200 个字符"},
		{"/name", "名称应为没有用过的 1 到 32 个小写字母与数字；宿主 APP 的名称最长 100 个字"},
		{"/containers", "宿主 APP 的名称最长 100 个字，包名与 key hash 最长 200 个字符"},
		{"/pkgname", "包名最长 200 个字符"},
		{"/key_hash", "key hash 最长 200 个字符"},
		{"/offical_no", "没有这个联盟成员"},
	} {
		if strings.HasPrefix(p.Pointer, known[0]) {
			return known[1] + "。"
		}
	}
	return p.Detail
}
