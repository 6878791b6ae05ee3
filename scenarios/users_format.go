package scenarios

// The format of users and what they use.

// A User uses mini programs in host apps.
type User struct {
	Huid          int64          `json:"huid" jsonschema:"minimum=1" jsonschema_description:"The user's number in the host app."`
	Nickname      *string        `json:"nickname,omitempty" jsonschema_description:"The name that apps see; the number if absent."`
	HeadImgURL    *string        `json:"headimgurl,omitempty" jsonschema_description:"The portrait's address."`
	Sex           *int           `json:"sex,omitempty" jsonschema:"enum=0,enum=1,enum=2" jsonschema_description:"0 unknown, 1 male, 2 female."`
	Mobile        *string        `json:"mobile,omitempty" jsonschema_description:"The telephone number; none if absent."`
	Addresses     []Address      `json:"addresses,omitempty" jsonschema_description:"Where the user has things delivered to."`
	InvoiceTitles []InvoiceTitle `json:"invoice_titles,omitempty" jsonschema_description:"Whom the user's invoices are made out to."`
}

// An Address is where a user has things delivered to.
type Address struct {
	ID      int64  `json:"id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Given if absent."`
	Name    string `json:"name" jsonschema_description:"The recipient."`
	Phone   string `json:"phone,omitempty" jsonschema_description:"The recipient's telephone number."`
	L1      Region `json:"l1,omitempty" jsonschema_description:"The province."`
	L2      Region `json:"l2,omitempty" jsonschema_description:"The city."`
	L3      Region `json:"l3,omitempty" jsonschema_description:"The county."`
	Street  string `json:"street,omitempty" jsonschema_description:"The rest of the address."`
	Zipcode string `json:"zipcode,omitempty" jsonschema_description:"The postal code."`
	Default bool   `json:"default,omitempty" jsonschema_description:"It is offered first."`
}

// A Region is one level of an address.
type Region struct {
	Code string `json:"code,omitempty" jsonschema_description:"In the national standard."`
	Name string `json:"name,omitempty" jsonschema_description:"What it is called."`
}

// An InvoiceTitle is whom invoices are made out to.
type InvoiceTitle struct {
	ID             int64  `json:"id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Given if absent."`
	Type           int    `json:"type" jsonschema:"enum=0,enum=1" jsonschema_description:"0 a company, 1 a person."`
	Title          string `json:"title" jsonschema_description:"The name on the invoice."`
	TaxNumber      string `json:"tax_number,omitempty" jsonschema_description:"The tax number."`
	CompanyAddress string `json:"company_address,omitempty" jsonschema_description:"The company's address."`
	Telephone      string `json:"telephone,omitempty" jsonschema_description:"The telephone number."`
	BankName       string `json:"bank_name,omitempty" jsonschema_description:"The bank."`
	BankAccount    string `json:"bank_account,omitempty" jsonschema_description:"The account."`
	Default        bool   `json:"is_default,omitempty" jsonschema_description:"It is offered first."`
}

// A Device is what a user holds.
type Device struct {
	Cuid     string `json:"cuid" jsonschema:"pattern=^[a-zA-Z0-9_-]+$" jsonschema_description:"The device's id in the host app."`
	Platform string `json:"platform,omitempty" jsonschema:"enum=android,enum=ios" jsonschema_description:"What runs on it; android if absent."`
}

// Login lets a user log in to an app, as swan.login does.
type Login struct {
	AppID     int64  `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The app; the first if absent."`
	Huid      int64  `json:"huid,omitempty" jsonschema:"minimum=1" jsonschema_description:"The user; the first if absent."`
	Cuid      string `json:"cuid,omitempty" jsonschema_description:"The device; the first if absent."`
	OfficalNo int64  `json:"offical_no,omitempty" jsonschema:"minimum=1" jsonschema_description:"The member of the alliance in whose app it happens; the platform's own app if absent."`
}
