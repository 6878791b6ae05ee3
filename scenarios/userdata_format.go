package scenarios

// The format of leave that users give, and of the data that comes of it.

// An Answer is what a user answers when a client asks.
type Answer struct {
	Ask    string `json:"ask,omitempty" jsonschema_description:"Only this question: a scope such as scope.userInfo, or what else clients ask, such as share."`
	Answer string `json:"answer" jsonschema:"enum=agree,enum=refuse,enum=cancel" jsonschema_description:"What the user answers; cancel closes the dialog."`
	AppID  int64  `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Only in this app."`
	Huid   int64  `json:"huid,omitempty" jsonschema:"minimum=1" jsonschema_description:"Only this user."`
	Choice int64  `json:"choice,omitempty" jsonschema:"minimum=1" jsonschema_description:"The id of what the user chooses, where there is a choice; the first if absent."`
	Times  int    `json:"times,omitempty" jsonschema:"minimum=1" jsonschema_description:"How often in a row; once if absent."`
}

// An Asking is a client that asks its user.
type Asking struct {
	Ask   string `json:"ask" jsonschema_description:"The question: a scope such as scope.userInfo, or anything else."`
	AppID int64  `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The app; the first if absent."`
	Huid  int64  `json:"huid,omitempty" jsonschema:"minimum=1" jsonschema_description:"The user; the first if absent."`
}

// A SetGrant is a user who changes the settings of an app.
type SetGrant struct {
	Scope  string `json:"scope" jsonschema_description:"The scope, by the host's or the client's name."`
	Permit *bool  `json:"permit,omitempty" jsonschema_description:"Whether the app may; true if absent."`
	AppID  int64  `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The app; the first if absent."`
	Huid   int64  `json:"huid,omitempty" jsonschema:"minimum=1" jsonschema_description:"The user; the first if absent."`
	Cuid   string `json:"cuid,omitempty" jsonschema_description:"The device; the first if absent."`
}

// A SetScope is what the platform says of a scope of an app.
type SetScope struct {
	Scope     string `json:"scope" jsonschema_description:"The scope, by the host's or the client's name."`
	AppID     int64  `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The app; the first if absent."`
	Forbidden *bool  `json:"forbidden,omitempty" jsonschema_description:"The app is denied the scope."`
	Grade     *int   `json:"grade,omitempty" jsonschema:"enum=1,enum=2,enum=3" jsonschema_description:"1 asked each time, 2 asked once for all, 3 never asked."`
}

// A Decrypt is an app's server that opens sealed user data.
type Decrypt struct {
	Data       string `json:"data" jsonschema_description:"The sealed data, as a variable."`
	IV         string `json:"iv" jsonschema_description:"Its initialisation vector, as a variable."`
	SessionKey string `json:"session_key" jsonschema_description:"The key, as a variable."`
	AppID      int64  `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The app whose AppKey it must end with; the first if absent."`
	Fails      bool   `json:"fails,omitempty" jsonschema_description:"It cannot be opened, because the key is another."`
}
