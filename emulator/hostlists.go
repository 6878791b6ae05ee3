package emulator

import (
	"slices"
	"strconv"
	"time"
)

// What a host app keeps for its users (seed 004, the host documents): addresses,
// invoice titles and the forms they have sent. Modelled: reading the lists with
// leave, form ids. Not modelled: editing the lists over the host's own API (the
// control API does).

type hostList[T any] struct {
	List []T `json:"list"`
}

type hostAddress struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Phone       string `json:"phone"`
	PhoneCipher string `json:"phone_cipher"`
	L1          Region `json:"l1"`
	L2          Region `json:"l2"`
	L3          Region `json:"l3"`
	Street      string `json:"street"`
	Zipcode     string `json:"zipcode"`
	Default     string `json:"default"`
}

// listHostAddresses lists a user's addresses, the default one first.
func listHostAddresses(c *Call, in hostIn) (hostList[hostAddress], error) {
	out := hostList[hostAddress]{[]hostAddress{}}
	who, err := c.reading(in, scopeAddress)
	if err != nil {
		return out, err
	}
	for _, a := range defaultFirst(who.u.Addresses, func(a Address) bool { return a.Default }) {
		out.List = append(out.List, hostAddress{
			strconv.FormatInt(a.ID, 10), a.Name, a.Phone, masked(a.Phone), a.L1, a.L2, a.L3, a.Street, a.Zipcode,
			strconv.Itoa(flag(a.Default)),
		})
	}
	return out, nil
}

type hostInvoice struct {
	ID             int64  `json:"id"`
	Type           int    `json:"type"`
	Title          string `json:"title"`
	TaxNumber      string `json:"tax_number"`
	CompanyAddress string `json:"company_address"`
	Telephone      string `json:"telephone"`
	BankName       string `json:"bank_name"`
	BankAccount    string `json:"bank_account"`
	IsDefault      int    `json:"is_default"`
}

// listHostInvoices lists a user's invoice titles, the default one first.
func listHostInvoices(c *Call, in hostIn) (hostList[hostInvoice], error) {
	out := hostList[hostInvoice]{[]hostInvoice{}}
	who, err := c.reading(in, scopeInvoice)
	if err != nil {
		return out, err
	}
	for _, t := range defaultFirst(who.u.InvoiceTitles, func(t InvoiceTitle) bool { return t.Default }) {
		out.List = append(out.List, hostInvoice{
			t.ID, t.Type, t.Title, t.TaxNumber, t.CompanyAddress, t.Telephone, t.BankName, t.BankAccount, flag(t.Default),
		})
	}
	return out, nil
}

// reading is who asks for a list that takes leave, which for once is used up
// by it.
func (c *Call) reading(in hostIn, scopeID string) (*hostCaller, error) {
	who, err := c.hostUser(in)
	if err != nil {
		return nil, err
	}
	sc, _ := scopeNamed(scopeID)
	switch st := who.stands(sc); {
	case st.forbidden:
		return nil, refuse("HostSystemDeny", "小程序没有 %s 权限", sc.id)
	case !st.permit:
		return nil, refuse("HostUserDeny", "需要 %s 授权", sc.id)
	}
	c.spend(who.holder, sc)
	return who, nil
}

// defaultFirst returns a list with the entries first that are the default, the
// newest first among equals (D).
func defaultFirst[T any](list []T, isDefault func(T) bool) []T {
	out := slices.Clone(list)
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b T) int { return flag(isDefault(b)) - flag(isDefault(a)) })
	return out
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// How often a form id can be used (D), and for how long (assumed).
const (
	formLife = 3
	formTTL  = 7 * 24 * time.Hour
)

// A Form is a form that a user has sent; its id lets the app send the user
// messages.
type Form struct {
	App  int64 `json:"app_id"`
	Huid int64 `json:"huid"`
	// Life is how often its id can still be used.
	Life int `json:"life"`
	// Expires is in seconds since 1970.
	Expires int64 `json:"expires"`
}

type hostFormID struct {
	FormID string `json:"formid"`
	Life   int    `json:"life"`
}

// createHostFormID makes the id of a form that a user sends.
func createHostFormID(c *Call, in hostIn) (hostFormID, error) {
	who, err := c.hostUser(in)
	if err != nil {
		return hostFormID{}, err
	}
	for id, f := range c.State.Forms {
		if f.Expires <= c.Now.Unix() {
			delete(c.State.Forms, id)
		}
	}
	if c.State.Forms == nil {
		c.State.Forms = map[string]*Form{}
	}
	id := c.draw("form id").hex(32)
	c.State.Forms[id] = &Form{App: who.app.ID, Huid: who.u.Huid, Life: formLife, Expires: c.Now.Add(formTTL).Unix()}
	return hostFormID{id, formLife}, nil
}
