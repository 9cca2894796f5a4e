package keymap

// Intent is what a person wants, whatever key said it.
type Intent uint8

// Intents.
const (
	None Intent = iota

	// Everywhere.
	OpenHelp
	OpenPalette
	OpenCommandLog
	Language
	NextTheme
	Quit
	Back
	GoOverview
	GoTopics
	GoGroups
	GoZooKeeper
	GoTimeline
	GoLessons
	Connect
	OpenTransactions
	StopCluster

	// Rows.
	Up
	Down
	PageUp
	PageDown
	First
	Last
	Open
	Filter
	Reload

	// A broker's process.
	KillBroker
	StartStopBroker
	PauseBroker
	RestartBroker

	// A topic.
	NewTopic
	DeleteTopic
	AddPartitions
	Produce
	OpenTail
	ElectPreferred
	Reassign
	CancelReassign
	ShowInternal
	ShowConfig

	// A group.
	ResetOffsets
	DeleteGroup
	DeleteOffsets
	RemoveMember
	SortByLag

	// Configuration.
	OnlyChanged
	EditConfig
	DropConfig

	// Transactions.
	FindHanging
	AbortTxn

	// Welcome.
	StartCluster

	// Tail and record.
	PauseTail
	FromStart
	PreviousRecord
	NextRecord
	RawValue
	CopyValue

	// Tree.
	Expand
	Collapse

	// Lesson.
	NextStep
	PreviousStep
	Auto
	FreePlay
	LeaveLesson
	Answer1
	Answer2
	Answer3
	Answer4
	Answer5
	TaskStartStop
	TaskPause
	TaskRestart
	TaskWrite

	// Typing.
	Submit
	NextField
	PreviousField
	ToggleNull
	CursorLeft
	CursorRight
	CursorHome
	CursorEnd
	DeleteBefore
	DeleteAfter
	DeleteWord
	DeleteLine

	Yes
	No

	intents
)
