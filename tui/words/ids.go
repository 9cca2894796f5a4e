package words

// ID names one phrase.
type ID uint16

// Phrases.
const (

	// Header.
	Slogan ID = iota
	Live
	Old
	NotRead
	Reading
	Now
	Ago
	AgeOf
	NthOf
	TooSmall
	Looking

	// Main screens.
	TabOverview
	TabTopics
	TabGroups
	TabZooKeeper
	TabTimeline
	TabLessons

	// Welcome.
	NothingRuns
	WelcomeStart
	WelcomeStartMore
	WelcomeLearn
	WelcomeConnect
	WelcomeLanguage
	Starting
	StartedIn

	// Headings.
	HeadBrokers
	HeadPartitions
	HeadTimeline
	HeadNewTopic
	HeadAddPartitions
	HeadProduce
	HeadConnect
	HeadHelp
	HeadCommandLog
	HeadHeaders
	HeadKey
	HeadValue

	// Columns.
	ColLeads
	ColInSync
	ColSize
	ColMemory
	ColUp
	ColTime
	ColWhat
	ColHappened
	ColSinceCause
	ColSeenBy
	ColTopic
	ColPartition
	ColPartitions
	ColReplication
	ColRecords
	ColState
	ColRole
	ColLeader
	ColReplica
	ColReplicas
	ColISR
	ColEpoch
	ColLog
	ColLogEnd
	ColHighWatermark
	ColLag
	ColCaughtUp
	ColOffset
	ColKey
	ColValue
	ColName
	ColSource
	ColGroup
	ColProtocol
	ColMembers
	ColLesson
	ColSteps
	ColMinutes

	// Brokers.
	BrokerN
	BrokerFacts
	Controller
	StateUnknown
	StateDown
	StateKilled
	StateStarting
	StateStopping
	StatePaused
	RoleLeader
	RoleFollower
	NoReplicas
	Share
	StartingBroker
	StoppingBroker
	KillingBroker
	PausingBroker
	ResumingBroker
	RestartingBroker

	// Topics and partitions.
	PartitionsHealth
	PartitionLegend
	More
	NoTopics
	NoMatch
	InSync
	OfflineN
	UnderReplicatedN
	TopicGone
	TopicGoneMore
	TopicFacts
	PartitionFacts
	MinISR
	LogFacts
	WatermarkHere
	WhyOffline
	WhyMinISR
	WhyInvisible
	WhyUnder
	WhyAllVisible
	WhyUnknown
	ReadingConfig
	ConfigOf
	Hidden
	CreatingTopic
	CreatedTopic
	DeletingTopic
	DeletedTopic
	AddingPartitions
	PartitionsNow
	AddPartitionsWarns
	Electing
	Elected
	AskDelete
	AskDeleteMore
	TypeToConfirm
	YesNo

	// Timeline.
	NothingHappened
	FactDetail
	FollowsFrom
	OlderDropped

	// Tail and record.
	OpeningTail
	AllPartitions
	PartitionN
	PausedWaiting
	PerSecond
	ReadDropped
	TailEmpty
	TailStuck
	FilterPassed
	FilterIs
	FilterHint
	RecordFacts
	FieldTime
	FieldSizes
	FieldBatch
	Sizes
	BatchFacts
	CreateTime
	LogAppendTime
	AsNull
	AsHex
	AsJSON
	AsText
	LeftOut
	Copied

	// Groups.
	ReadingGroups
	NoGroups
	GroupsMeanwhile

	// ZooKeeper.
	NoZooKeeper
	ReadingZnode
	Ephemeral
	EphemeralOf
	Persistent
	ZnodeFacts
	ZnodeTimes
	NoData
	ZnController
	ZnControllerEpoch
	ZnBrokers
	ZnBrokerIDs
	ZnTopics
	ZnCluster
	ZnConfig
	ZnAdmin
	ZnISR
	ZnState

	// Forms.
	FieldName
	FieldPartitions
	FieldReplication
	FieldConfig
	FieldKey
	FieldValue
	FieldHeaders
	FieldPartition
	FieldAcks
	FieldCodec
	FieldBootstrap
	HintName
	HintConfig
	HintNull
	HintHeaders
	HintPartition
	HintBootstrap
	ChooseHint
	WrongName
	TopicExists
	WrongNumber
	WrongReplication
	WrongConfig
	WrongHeaders
	WrongBootstrap
	ProduceTo
	Writing
	Wrote
	WroteUnknown
	Connecting

	// Lessons.
	StartingLesson
	LessonDone
	Number
	MinutesN
	StepOf
	MinutesLeft
	LessThanMinute
	AutoOn
	Preparing
	Replay
	PickOne
	YourTurn
	YouSaid
	NotObserved
	Waiting
	WaitHolds
	HintIs
	LessonPassed
	LessonFailed
	FreePlayOn

	// Palette, command log, global.
	PaletteHint
	NothingDone
	Failed
	ThemeIs
	Signs
	StoppingCluster
	StoppedCluster
	AskStopCluster
	AskStopClusterMore

	// Why something is of no use now.
	WhyNotHere
	WhyNoBack
	WhyNoCluster
	WhyNoConnect
	WhyNoLaunch
	WhyNoLessons
	WhyStarting
	WhyNotLaunched
	WhyNoBroker
	WhyBrokerDown
	WhyBrokerPaused
	WhyNoTopic
	WhyInternal
	WhyNoRow
	WhyNoRecord
	WhyAnswerFirst
	WhyNotOver
	WhyFirstStep
	WhyNoTask
	WhyNoAction

	// Keys.
	KeyStart
	KeyLessons
	KeyConnect
	KeyOpen
	KeyOpenPartition
	KeyOpenRecord
	KeyStartLesson
	KeyInternal
	KeyPause
	KeyFromStart
	KeyPrevious
	KeyNext
	KeyRaw
	KeyCopy
	KeyExpand
	KeyCollapse
	KeyReload
	KeyConfig
	KeyNextStep
	KeyPreviousStep
	KeyAuto
	KeyFreePlay
	KeyLeave
	KeyAnswer
	KeyKill
	KeyStartStop
	KeyPauseBroker
	KeyRestart
	KeyNewTopic
	KeyWrite
	KeyTail
	KeyElect
	KeyAddPartitions
	KeyDelete
	KeyUp
	KeyDown
	KeyPageUp
	KeyPageDown
	KeyFirst
	KeyLast
	KeyFilter
	KeyHelp
	KeyPalette
	KeyCommandLog
	KeyLanguage
	KeyTheme
	KeyBack
	KeyQuit
	KeyStopCluster
	KeySubmit
	KeyNextField
	KeyPreviousField
	KeyCancel
	KeyKeepFilter
	KeyDropFilter
	KeyRun
	KeyClose
	KeyCursor
	KeyErase
	KeyYes
	KeyNo

	count
)
