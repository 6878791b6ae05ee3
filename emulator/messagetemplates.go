package emulator

import (
	"fmt"
	"slices"
	"strings"
)

// Message templates: the library that all apps share, and the templates that
// an app makes of it (D; for developers and for third-party platforms). Not
// modelled: the review of words that are not in the library.

// A MessageTemplate is one of an app's own templates.
type MessageTemplate struct {
	ID string `json:"template_id"`
	// Library is the id of its title in the library.
	Library string `json:"library_id"`
	Title   string `json:"title"`
	// Keywords are its keywords in their order: the first is keyword1.
	Keywords []Keyword `json:"keywords"`
}

// A Keyword is something that a template has a value for.
type Keyword struct {
	ID      int    `json:"keyword_id"`
	Name    string `json:"name"`
	Example string `json:"example"`
}

// keywordName is what a template's nth keyword is called in data, from 0.
func keywordName(i int) string { return fmt.Sprintf("keyword%d", i+1) }

// content is the template as the platform shows it (D).
func (t *MessageTemplate) content() string {
	return t.lines(func(i int, k Keyword) string { return k.Name + "{{" + keywordName(i) + ".DATA}}" })
}

// example is what a message of it looks like (D).
func (t *MessageTemplate) example() string {
	return t.lines(func(_ int, k Keyword) string { return k.Name + ": " + k.Example })
}

// text is a message of it as its user reads it.
func (t *MessageTemplate) text(data templateData) string {
	return t.lines(func(i int, k Keyword) string { return k.Name + ": " + data[keywordName(i)].Value })
}

func (t *MessageTemplate) lines(line func(int, Keyword) string) string {
	out := make([]string, len(t.Keywords))
	for i, k := range t.Keywords {
		out[i] = line(i, k)
	}
	return strings.Join(out, "\n")
}

// template returns the app's template with that id, or nil.
func (a *App) template(id string) *MessageTemplate {
	i := slices.IndexFunc(a.Templates, func(t *MessageTemplate) bool { return t.ID == id })
	if i < 0 {
		return nil
	}
	return a.Templates[i]
}

type pageIn struct {
	Offset int  `json:"offset"`
	Count  *int `json:"count"`
}

// templatesPerPage is how many entries a page has unless asked otherwise
// (assumed), and at most (D).
const templatesPerPage = 20

// page cuts a page out of a list.
func page[T any](all []T, in pageIn) []T {
	count := templatesPerPage
	set(&count, in.Count)
	from := min(in.Offset, len(all))
	return all[from:min(from+count, len(all))]
}

type libraryPage struct {
	Total int            `json:"total_count"`
	List  []libraryTitle `json:"list"`
}

type libraryTitle struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// listTemplateLibrary lists the titles of the library.
func listTemplateLibrary(_ *Call, in pageIn) (libraryPage, error) {
	all := templateLibrary()
	out := libraryPage{Total: len(all), List: []libraryTitle{}}
	for _, e := range page(all, in) {
		out.List = append(out.List, libraryTitle{e.id, e.title})
	}
	return out, nil
}

type libraryIDIn struct {
	ID string `json:"id"`
}

type libraryKeywords struct {
	ID       string    `json:"id"`
	Title    string    `json:"title"`
	Count    int       `json:"keyword_count"`
	Keywords []Keyword `json:"keyword_list"`
}

// getTemplateKeywords lists the keywords of a title.
func getTemplateKeywords(_ *Call, in libraryIDIn) (libraryKeywords, error) {
	e, ok := inLibrary(in.ID)
	if !ok {
		return libraryKeywords{}, refuse("MessageInvalidParameter", "模板库中没有标题 %s", in.ID)
	}
	all := e.all()
	return libraryKeywords{ID: e.id, Title: e.title, Count: len(all), Keywords: all}, nil
}

type addTemplateIn struct {
	ID         string `json:"id"`
	KeywordIDs []int  `json:"keyword_id_list"`
}

type templateID struct {
	TemplateID string `json:"template_id"`
}

// addMessageTemplate makes one of the app's templates of a title and some of
// its keywords.
func addMessageTemplate(c *Call, in addTemplateIn) (templateID, error) {
	app, err := c.ownApp()
	if err != nil {
		return templateID{}, err
	}
	e, ok := inLibrary(in.ID)
	if !ok {
		return templateID{}, refuse("MessageInvalidParameter", "模板库中没有标题 %s", in.ID)
	}
	t, err := c.template(&e, in.KeywordIDs)
	if err != nil {
		return templateID{}, err
	}
	if limit := c.State.Config.TemplateLimit; len(app.Templates) >= limit {
		return templateID{}, refuse("TemplateLimit", "最多 %d 个模板", limit)
	}
	app.Templates = append(app.Templates, t)
	return templateID{t.ID}, nil
}

// template makes a template of a title and some of its keywords.
func (c *Call) template(e *libraryEntry, keywords []int) (*MessageTemplate, error) {
	t := &MessageTemplate{ID: c.draw("template").hex(32), Library: e.id, Title: e.title}
	all := e.all()
	for i, id := range keywords {
		switch {
		case id < 1 || id > len(all):
			return nil, refuse("MessageInvalidParameter", "keyword_id_list/%d：标题 %s 没有关键词 %d", i, e.id, id)
		case slices.Contains(keywords[:i], id):
			return nil, refuse("MessageInvalidParameter", "keyword_id_list/%d：关键词 %d 重复", i, id)
		}
		t.Keywords = append(t.Keywords, all[id-1])
	}
	return t, nil
}

type templatePage struct {
	Total int           `json:"total_count"`
	List  []templateRow `json:"list"`
}

type templateRow struct {
	ID      string `json:"template_id"`
	Title   string `json:"title"`
	Content string `json:"content"`
	Example string `json:"example"`
}

// listMessageTemplates lists the app's own templates.
func listMessageTemplates(c *Call, in pageIn) (templatePage, error) {
	app, err := c.ownApp()
	if err != nil {
		return templatePage{}, err
	}
	out := templatePage{Total: len(app.Templates), List: []templateRow{}}
	for _, t := range page(app.Templates, in) {
		out.List = append(out.List, templateRow{t.ID, t.Title, t.content(), t.example()})
	}
	return out, nil
}

// deleteMessageTemplate takes one of the app's templates away.
func deleteMessageTemplate(c *Call, in templateID) (None, error) {
	app, err := c.ownApp()
	if err != nil {
		return None{}, err
	}
	if app.template(in.TemplateID) == nil {
		return None{}, refuse("TemplateInvalidParameter", "没有这个模板")
	}
	app.Templates = slices.DeleteFunc(app.Templates, func(t *MessageTemplate) bool { return t.ID == in.TemplateID })
	return None{}, nil
}
