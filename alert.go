package bongsu

import "time"

// Condition says whether what an alert is about still goes on (ISA-18.2's process condition).
type Condition string

// Conditions of an alert.
const (
	ConditionActive  Condition = "active"
	ConditionCleared Condition = "cleared"
)

// WorkState says what the operators have done about an alert.
type WorkState string

// Work states of an alert.
const (
	WorkUnclaimed WorkState = "unclaimed"
	WorkClaimed   WorkState = "claimed"
	WorkReviewing WorkState = "reviewing" // claimed, and its evidence was opened
	WorkConfirmed WorkState = "confirmed" // judged real, still to be dealt with
	WorkClosed    WorkState = "closed"
)

// Verdict is the fixed code of an operator's judgement.
type Verdict string

// Verdict codes. The console carries their Korean and English words.
const (
	VerdictRealDispatch Verdict = "real-dispatch" // 실제-출동
	VerdictRealMinor    Verdict = "real-minor"    // 실제-경미
	VerdictRealWatch    Verdict = "real-watch"    // 실제-주의관찰
	VerdictFalseAnimal  Verdict = "false-animal"  // 오탐-동물
	VerdictFalseWeather Verdict = "false-weather" // 오탐-날씨/조명
	VerdictFalseShadow  Verdict = "false-shadow"  // 오탐-그림자/반사
	VerdictFalseStatic  Verdict = "false-static"  // 오탐-정지물체
	VerdictFalseNormal  Verdict = "false-normal"  // 오탐-정상행동(규칙 부적합)
	VerdictDuplicate    Verdict = "duplicate"     // 중복
	VerdictTechnical    Verdict = "technical"     // 장비이상
	VerdictTraining     Verdict = "training"      // 훈련
	VerdictUndecidable  Verdict = "undecidable"   // 판단불가
)

// Verdicts lists all codes in the order in which they are shown.
func Verdicts() []Verdict {
	return []Verdict{
		VerdictRealDispatch, VerdictRealMinor, VerdictRealWatch,
		VerdictFalseAnimal, VerdictFalseWeather, VerdictFalseShadow, VerdictFalseStatic, VerdictFalseNormal,
		VerdictDuplicate, VerdictTechnical, VerdictTraining, VerdictUndecidable,
	}
}

// Alert is what an operator answers: one card. Repeats of one camera and rule within
// the fold window join it.
type Alert struct {
	ID         AlertID   `json:"id"`
	Seq        int64     `json:"seq"` // change sequence at which it last changed
	Edge       EdgeID    `json:"edge"`
	Camera     CameraID  `json:"camera"`
	CameraName string    `json:"camera_name"`
	Rule       RuleID    `json:"rule"`
	Kind       EventKind `json:"kind"`
	Priority   Priority  `json:"priority"`
	Condition  Condition `json:"condition"`
	Work       WorkState `json:"work"`
	Owner      string    `json:"owner,omitempty"` // user who holds it
	OwnerName  string    `json:"owner_name,omitempty"`
	Event      EventID   `json:"event"`  // that raised it: the first to arrive, after an outage not always the oldest
	Events     []EventID `json:"events"` // all folded events, oldest first
	Count      int       `json:"count"`
	Raised     time.Time `json:"raised"`
	LastSeen   time.Time `json:"last_seen"`
	ClaimBy    time.Time `json:"claim_by,omitzero"`   // service level: claim before
	VerdictBy  time.Time `json:"verdict_by,omitzero"` // service level: judge before
	Verdict    Verdict   `json:"verdict,omitempty"`
	Note       string    `json:"note,omitempty"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	Class      Class     `json:"class"`
	Score      float32   `json:"score"`
}
