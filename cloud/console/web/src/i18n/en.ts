import type { ko } from './ko.ts';

export const en: Record<keyof typeof ko, string> = {
  'app.name': 'Bongsu',
  'app.law': 'AI suggests · people decide',
  'nav.queue': 'Queue', 'nav.cameras': 'Cameras', 'nav.events': 'Events', 'nav.admin': 'Admin', 'nav.audit': 'Audit',
  'top.cameras': 'Cameras', 'top.hour': 'Alerts, last hour', 'top.logout': 'Sign out', 'top.lang': '한국어', 'top.theme': 'Light or dark',

  'login.title': 'Begin a shift', 'login.user': 'User', 'login.password': 'Password', 'login.submit': 'Sign in',
  'login.failed': 'User or password is wrong.', 'login.throttled': 'Too many attempts. Please wait a little.',
  'login.sound': 'Sound check', 'login.sound.ok': 'If you heard it, you are ready.',
  'setup.title': 'Make the first administrator', 'setup.code': 'Set-up code', 'setup.code.help': 'The server printed it once, at its first start.',
  'setup.name': 'Name', 'setup.submit': 'Make', 'setup.password.help': 'at least 12 characters',

  'filter.unclaimed': 'Unclaimed', 'filter.mine': 'Mine', 'filter.all': 'Open', 'filter.closed': 'Closed',
  'sound.on': 'Sound on', 'sound.muted': 'Muted {s} s', 'sound.blocked': 'The browser blocks sound. Alarms are silent.', 'sound.allow': 'Allow sound',
  'stale.badge': 'Disconnected · as of {s} s ago', 'stale.connecting': 'Connecting',
  'queue.empty.unclaimed': 'Nothing waits for you', 'queue.empty.calm': '{live} cameras are watching.', 'queue.empty.other': 'No alerts here',
  'queue.new': '{n} new', 'queue.paused': 'List paused (P)', 'queue.bundle': '{n} in one', 'queue.by': '{name}', 'queue.unclaimed': 'Unclaimed',
  'queue.closedby': '{verdict}', 'queue.seconds': 's', 'queue.minutes': 'min', 'queue.late': 'late', 'queue.select': 'Choose an alert on the left',
  'queue.label': 'Alerts', 'queue.loading': 'Loading',

  'priority.critical': 'Critical', 'priority.high': 'High', 'priority.medium': 'Medium', 'priority.low': 'Low',
  'kind.intrusion': 'Intrusion', 'kind.line-crossing': 'Line crossed', 'kind.loitering': 'Loitering',
  'class.person': 'Person', 'class.bicycle': 'Bicycle', 'class.motorcycle': 'Motorcycle', 'class.car': 'Car', 'class.bus': 'Bus', 'class.truck': 'Truck',
  'class.bag': 'Bag', 'class.animal': 'Animal', 'class.fire': 'Fire', 'class.smoke': 'Smoke',
  'work.unclaimed': 'Unclaimed', 'work.claimed': 'Claimed', 'work.reviewing': 'Reviewing', 'work.confirmed': 'Real', 'work.closed': 'Closed',
  'condition.active': 'Going on', 'condition.cleared': 'Over',

  'verdict.real-dispatch': 'Real · dispatch', 'verdict.real-minor': 'Real · minor', 'verdict.real-watch': 'Real · keep watching',
  'verdict.false-animal': 'False · animal', 'verdict.false-weather': 'False · weather or light', 'verdict.false-shadow': 'False · shadow or reflection',
  'verdict.false-static': 'False · still object', 'verdict.false-normal': 'False · normal behaviour',
  'verdict.duplicate': 'Duplicate', 'verdict.technical': 'Technical fault', 'verdict.training': 'Training', 'verdict.undecidable': 'Cannot tell',

  'act.real': 'Real', 'act.false': 'False alarm', 'act.duplicate': 'Duplicate', 'act.technical': 'Technical', 'act.claim': 'Claim', 'act.release': 'Release',
  'act.note': 'Note', 'act.note.placeholder': 'kept with the verdict', 'act.undo': 'Undo', 'act.choose.real': 'What is it', 'act.choose.false': 'Why false', 'act.back': 'Back', 'act.more': 'Other verdicts',
  'act.open': 'Open evidence',
  'toast.closed': 'Judged: {verdict}', 'toast.undone': 'Undone', 'toast.claimed': '{name} was first', 'toast.error': '{message}', 'toast.undo.failed': 'Could not undo: {message}',

  'evi.boxes': 'Boxes', 'evi.zone': 'Zone', 'evi.clip': 'Recording', 'evi.snapshot': 'Deciding moment', 'evi.noclip.writing': 'The clip is on its way. The deciding picture comes first.',
  'evi.noclip.none': 'This event has no clip.', 'evi.noclip.evicted': 'The clip was removed for want of space before it was sent.', 'evi.noclip.failed': 'The clip could not be recorded.',
  'evi.torn': 'The recorder stopped in the middle: this is what was saved.', 'evi.tainted': 'Data was lost within this clip.', 'evi.h265': 'This browser cannot play H.265. Look at the picture, or download the clip.', 'evi.download': 'Download clip',
  'evi.error': 'The clip cannot be opened.', 'evi.retry': 'Try again', 'evi.play': 'Play or pause', 'evi.nosnapshot': 'No picture yet', 'evi.viewer': '{name} · {time}', 'evi.pre': 'before', 'evi.count': '{n} events in this alert', 'evi.event': 'Event {n}',

  'why.title': 'Why it rang', 'why.basis': 'Basis', 'why.rule': 'Rule', 'why.confidence': 'Confidence', 'why.model': 'Model', 'why.camera': 'Camera', 'why.edge': 'Edge', 'why.class': 'Seen',
  'why.history': 'History', 'why.day': 'This camera', 'why.day.value': '{n} in 24 h · {f} false', 'why.threshold': 'needs {v}', 'why.latency': 'To the screen', 'why.latency.value': '{s} s', 'why.clock': 'Clock', 'why.clock.unsynchronised': 'the edge\'s clock is not synchronised', 'why.clock.unknown': 'the state of the edge\'s clock is unknown', 'why.clock.synchronised': 'synchronised',
  'why.intrusion': '{class} has been in a closed zone for {s} s.', 'why.intrusion.past': '{class} was in a closed zone for {s} s.',
  'why.loitering': '{class} has stayed in the zone for {s} s (limit {limit} s).', 'why.loitering.past': '{class} stayed in the zone for {s} s (limit {limit} s).',
  'why.line-crossing': '{class} crossed the line {direction}.', 'why.other': '{class}: {kind}',
  'direction.left-to-right': 'from left to right', 'direction.right-to-left': 'from right to left', 'direction.both': 'from one side to the other',
  'reason.score': 'Score', 'reason.inside_s': 'Time inside', 'reason.dwell_s': 'Time stayed', 'reason.crossings': 'Crossings', 'reason.hits': 'Times seen',
  'confidence.high': 'high', 'confidence.medium': 'medium', 'confidence.low': 'low',
  'history.raise': 'Rule fired', 'history.raised': 'Rule fired', 'history.fold': 'Happened again', 'history.join': 'Happened again', 'history.claim': 'Claimed', 'history.release': 'Released', 'history.evidence': 'Looked at', 'history.verdict': 'Judged', 'history.undo': 'Verdict undone', 'history.lease': 'Returned after idling', 'history.expire': 'Returned after idling', 'history.clear': 'Over', 'history.close': 'Closed', 'history.update': 'Updated', 'history.system': 'System',

  'state.starting': 'Starting', 'state.live': 'Live', 'state.waiting-key': 'Waiting for video', 'state.offline': 'Offline', 'state.busy': 'Camera busy', 'state.denied': 'Login refused', 'state.failed': 'Failed',
  'code.bad-url': 'The address is wrong', 'code.unreachable': 'The camera cannot be reached', 'code.silent': 'Connected, but no video comes', 'code.wrong-password': 'The password is wrong', 'code.need-password': 'The camera wants a login',
  'code.basic-refused': 'The camera offers an unsafe login (Basic) only', 'code.busy': 'The camera accepts no more viewers', 'code.not-found': 'The camera has no such address', 'code.no-video': 'No H.264 or H.265 video', 'code.no-parameter-sets': 'Parameter sets (SPS/PPS) never come',
  'code.protocol': 'The camera\'s answers make no sense', 'code.ended': 'The camera closed the connection', 'code.tainted': 'Data was lost; waiting for a key frame', 'code.model': 'The model gives no answer', 'code.not_found': 'The model named is not installed', 'code.worker': 'Its worker is starting again', 'code.edge-offline': 'The edge has gone silent', 'code.closed': 'Closed',
  'camera.since': 'since {time}', 'camera.rate': '{fps} pictures/s · {infer} looked at', 'camera.nostill': 'No picture', 'camera.late': '{s} late', 'camera.none': 'No camera has reported yet', 'camera.none.help': 'Enrol an edge and list cameras in its edge.yaml; they appear here.', 'camera.count': '{live} of {all} live', 'camera.edge': 'Edge {name}', 'camera.edge.offline': 'edge offline', 'camera.all': 'All cameras', 'camera.abnormal': 'Abnormal only',

  'events.camera': 'Camera', 'events.kind': 'Kind', 'events.from': 'From', 'events.to': 'To', 'events.verdict': 'Verdict', 'events.any': 'Any', 'events.unjudged': 'Not judged', 'events.csv': 'Download CSV', 'events.bom': 'for spreadsheets (BOM)',
  'events.time': 'Time', 'events.class': 'Seen', 'events.score': 'Score', 'events.length': 'Length', 'events.clip': 'Clip', 'events.more': 'More', 'events.none': 'No event fits', 'events.open': 'going on', 'events.close': 'Close', 'events.error': 'Could not load: {message}',

  'admin.edges': 'Edges', 'admin.users': 'Users', 'admin.token.make': 'Make an enrolment token', 'admin.token.name': 'Name of the edge', 'admin.token.once': 'Shown only now. Good until {time}.', 'admin.user.add': 'Add a user', 'admin.role': 'Role', 'admin.role.operator': 'Operator', 'admin.role.admin': 'Administrator', 'admin.disable': 'Disable', 'admin.disabled': 'disabled', 'admin.seen': 'Last report', 'admin.pending': 'To be sent', 'admin.pending.value': '{events} events · {clips} clips', 'admin.online': 'online', 'admin.offline': 'offline',
  'audit.at': 'Time', 'audit.actor': 'Who', 'audit.action': 'What', 'audit.target': 'On what', 'audit.client': 'From', 'audit.detail': 'Detail',

  'keys.title': 'Keys', 'keys.move': 'move', 'keys.open': 'open evidence', 'keys.claim': 'claim', 'keys.release': 'release', 'keys.real': 'real', 'keys.false': 'false alarm', 'keys.dup': 'duplicate', 'keys.tech': 'technical', 'keys.undo': 'undo', 'keys.play': 'play or pause', 'keys.seek': '1 s (Shift: one picture)', 'keys.seek10': '10 s', 'keys.boxes': 'boxes', 'keys.zone': 'zone', 'keys.pause': 'pause the list', 'keys.mute': 'mute 60 s', 'keys.note': 'note', 'keys.sheet': 'this sheet', 'keys.back': 'close', 'keys.mode': 'Single-key shortcuts', 'keys.mode.on': 'on', 'keys.mode.alt': 'with Alt', 'keys.mode.off': 'off',
  'foot.move': 'move', 'foot.open': 'evidence', 'foot.claim': 'claim', 'foot.verdict': 'real · false', 'foot.keys': 'keys', 'foot.edges': 'edges {online}/{all} online', 'foot.heard': 'heard {s} s ago',
  'error.unreachable': 'The server cannot be reached.', 'error.session': 'The session has ended. Please sign in again.', 'error.page': 'There is no such page',
};
