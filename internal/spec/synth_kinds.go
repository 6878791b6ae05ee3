package spec

import (
	"strings"
	"unicode"
)

// hasHan reports whether a text has Chinese characters.
func hasHan(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) }) >= 0
}

// nameWords are the words of a property's name, in lower case: user_name,
// userName and UserName have the same.
func nameWords(name string) []string {
	var b strings.Builder
	before := ' '
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte(' ')
		}
		before = r
		if r == '_' || r == '-' || r == '.' {
			r = ' '
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Fields(b.String())
}

// plainText generates a text of a kind; "" is the kind of nothing in
// particular.
func (m *maker) plainText(kind string, chinese bool) string {
	if kind != "" {
		return m.textOf(kind, chinese)
	}
	if chinese {
		return m.slug() // what nothing says to be Chinese is most likely a code
	}
	return m.faker.Word()
}

// kindOfText is the kind of text that a property's name suggests: what its
// last telling word does.
func kindOfText(name string) string {
	words := nameWords(name)
	for i := len(words) - 1; i >= 0; i-- {
		kind := kindOfWord(words[i])
		if kind == "name" && i > 0 {
			kind = kindOfName(words[i-1])
		}
		if kind != "" {
			return kind
		}
	}
	return ""
}

// refineKind takes the kind from a Chinese description where the name of the
// property says little.
func refineKind(kind, description string) string {
	switch kind {
	case "", "name", "title", "sentence", "text", "code":
	default:
		return kind
	}
	if !hasHan(description) {
		return kind
	}
	for _, known := range [...]struct{ kind, words string }{
		{"company", "公司 企业名 主体 机构"},
		{"app_name", "小程序名 小程序的名 应用名 程序名"},
		{"image", "图片 头像 图标 照片 截图"},
		{"url", "链接 网址 URL url"},
		{"reason", "原因 错误信息 失败信息 提示"},
		{"name", "姓名 昵称 联系人"},
		{"phone", "电话 手机"},
		{"email", "邮箱"},
		{"sentence", "描述 说明 简介 介绍 备注 摘要 内容"},
		{"title", "标题 名称 关键词 类目 标签"},
		{"city", "城市 省份"},
		{"address", "地址"},
		{"version", "版本号"},
		{"time", "时间"},
		{"date", "日期"},
	} {
		for word := range strings.SplitSeq(known.words, " ") {
			if strings.Contains(description, word) {
				return known.kind
			}
		}
	}
	return kind
}

// kindOfName is the kind of name that the word before "name" makes it.
func kindOfName(word string) string {
	switch word {
	case "app", "program", "product", "package", "plugin", "application":
		return "app_name"
	case "company", "org", "organization", "enterprise", "shop", "merchant", "principal":
		return "company"
	case "city", "province", "county", "country", "area", "region":
		return "city"
	case "file", "host", "domain", "image":
		return word
	case "category", "template", "tag", "scope", "item", "group", "type", "ad", "channel", "label", "event", "task":
		return "title"
	}
	return "name"
}

// kindOfWord is the kind of text that a word of a property's name suggests; ""
// where it suggests none.
func kindOfWord(word string) string {
	switch word {
	case "name", "nickname", "author", "owner", "contact", "username", "user":
		return "name"
	case "company", "organization", "enterprise", "merchant":
		return "company"
	case "desc", "description", "summary", "content", "remark", "comment", "intro", "text", "body", "detail", "note":
		return "sentence"
	case "reason", "msg", "message", "tip", "error":
		return "reason"
	case "title", "label", "keyword", "category", "tag", "headline", "subject":
		return "title"
	case "address", "street", "location":
		return "address"
	case "city", "province", "county", "country", "region", "area":
		return "city"
	case "phone", "mobile", "tel", "telephone":
		return "phone"
	case "email", "mail", "url", "link", "href", "uri", "homepage", "website", "image", "img", "avatar", "photo",
		"icon", "logo", "picture", "version", "time", "date", "ip", "host", "hostname", "domain", "file", "path",
		"id", "uuid", "openid", "unionid", "swanid", "token", "ticket", "code", "nonce", "sha", "hash", "md5", "sign",
		"signature", "key", "secret", "color", "language":
		return word
	}
	return ""
}
