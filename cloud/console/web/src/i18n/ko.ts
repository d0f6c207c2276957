export const ko = {
  'app.name': '봉수',
  'app.law': 'AI 탐지 제안 · 판단은 사람이 합니다',
  'nav.queue': '관제', 'nav.cameras': '카메라', 'nav.events': '기록', 'nav.admin': '관리', 'nav.audit': '감사',
  'top.cameras': '카메라', 'top.hour': '최근 1시간 경보', 'top.logout': '로그아웃', 'top.lang': 'English', 'top.theme': '밝기 전환',

  'login.title': '근무 시작', 'login.user': '아이디', 'login.password': '비밀번호', 'login.submit': '들어가기',
  'login.failed': '아이디 또는 비밀번호가 맞지 않습니다.', 'login.throttled': '시도가 너무 많습니다. 잠시 뒤에 다시 해 주세요.',
  'login.sound': '소리 확인', 'login.sound.ok': '소리가 들리면 준비되었습니다.',
  'setup.title': '첫 관리자 만들기', 'setup.code': '설치 코드', 'setup.code.help': '서버를 처음 시작할 때 화면에 한 번 표시된 코드입니다.',
  'setup.name': '이름', 'setup.submit': '만들기', 'setup.password.help': '12자 이상',

  'filter.unclaimed': '미확인', 'filter.mine': '내 담당', 'filter.all': '진행 중', 'filter.closed': '종결',
  'sound.on': '소리 켜짐', 'sound.muted': '소리 끔 {s}초', 'sound.blocked': '브라우저가 소리를 막고 있습니다. 경보음이 울리지 않습니다.', 'sound.allow': '소리 켜기',
  'stale.badge': '연결 끊김 · {s}초 전 상태', 'stale.connecting': '연결하는 중',
  'queue.empty.unclaimed': '확인할 경보가 없습니다', 'queue.empty.calm': '카메라 {live}대가 지켜보고 있습니다.', 'queue.empty.other': '여기에는 경보가 없습니다',
  'queue.new': '새 알림 {n}', 'queue.paused': '목록 멈춤 (P)', 'queue.bundle': '{n}건 묶음', 'queue.by': '{name} 담당', 'queue.unclaimed': '미확인',
  'queue.closedby': '{verdict}', 'queue.seconds': '초', 'queue.minutes': '분', 'queue.late': '초과', 'queue.select': '왼쪽에서 경보를 고르세요',
  'queue.label': '경보 목록', 'queue.loading': '불러오는 중',

  'priority.critical': '긴급', 'priority.high': '높음', 'priority.medium': '보통', 'priority.low': '낮음',
  'kind.intrusion': '침입', 'kind.line-crossing': '선 통과', 'kind.loitering': '배회',
  'class.person': '사람', 'class.bicycle': '자전거', 'class.motorcycle': '오토바이', 'class.car': '승용차', 'class.bus': '버스', 'class.truck': '트럭',
  'class.bag': '가방', 'class.animal': '동물', 'class.fire': '불꽃', 'class.smoke': '연기',
  'work.unclaimed': '미확인', 'work.claimed': '담당', 'work.reviewing': '확인 중', 'work.confirmed': '실제 상황', 'work.closed': '종결',
  'condition.active': '진행 중', 'condition.cleared': '상황 끝남',

  'verdict.real-dispatch': '실제 · 출동', 'verdict.real-minor': '실제 · 경미', 'verdict.real-watch': '실제 · 주의관찰',
  'verdict.false-animal': '오탐 · 동물', 'verdict.false-weather': '오탐 · 날씨/조명', 'verdict.false-shadow': '오탐 · 그림자/반사',
  'verdict.false-static': '오탐 · 정지물체', 'verdict.false-normal': '오탐 · 정상행동',
  'verdict.duplicate': '중복', 'verdict.technical': '장비 이상', 'verdict.training': '훈련', 'verdict.undecidable': '판단 불가',

  'act.real': '실제 상황', 'act.false': '오탐', 'act.duplicate': '중복', 'act.technical': '장비 이상', 'act.claim': '담당하기', 'act.release': '담당 풀기',
  'act.note': '메모', 'act.note.placeholder': '판단과 함께 남길 말', 'act.undo': '되돌리기', 'act.choose.real': '어떤 상황입니까', 'act.choose.false': '오탐 이유', 'act.back': '뒤로', 'act.more': '그 밖의 판정',
  'act.open': '증거 열기',
  'toast.closed': '{verdict}(으)로 판정했습니다', 'toast.undone': '되돌렸습니다', 'toast.claimed': '{name} 님이 먼저 담당했습니다', 'toast.error': '{message}', 'toast.undo.failed': '되돌리지 못했습니다: {message}',

  'evi.boxes': '박스', 'evi.zone': '구역', 'evi.clip': '기록 영상', 'evi.snapshot': '판단 순간', 'evi.noclip.writing': '영상을 올리는 중입니다. 정지 화면을 먼저 보여 드립니다.',
  'evi.noclip.none': '이 사건에는 영상이 없습니다.', 'evi.noclip.evicted': '저장 공간이 모자라 영상이 보내지기 전에 지워졌습니다.', 'evi.noclip.failed': '영상을 기록하지 못했습니다.',
  'evi.torn': '기록 중 장비가 멈춰 앞부분만 남은 영상입니다.', 'evi.tainted': '이 영상에는 손실된 구간이 있습니다.', 'evi.h265': '이 브라우저는 H.265를 재생하지 못합니다. 정지 화면을 보거나 내려받아 보십시오.', 'evi.download': '영상 내려받기',
  'evi.error': '영상을 열지 못했습니다.', 'evi.retry': '다시 열기', 'evi.play': '재생/멈춤', 'evi.nosnapshot': '정지 화면이 아직 없습니다', 'evi.viewer': '{name} · {time}', 'evi.pre': '이전', 'evi.count': '이 경보에 묶인 사건 {n}건', 'evi.event': '사건 {n}',

  'why.title': '왜 울렸나', 'why.basis': '근거', 'why.rule': '규칙', 'why.confidence': '신뢰', 'why.model': '모델', 'why.camera': '카메라', 'why.edge': '엣지', 'why.class': '대상',
  'why.history': '경과', 'why.day': '이 카메라', 'why.day.value': '24시간 {n}건 · 오탐 {f}건', 'why.threshold': '기준 {v}', 'why.latency': '화면까지', 'why.latency.value': '{s}초', 'why.clock': '시각', 'why.clock.unsynchronised': '엣지 시계가 맞춰지지 않았습니다', 'why.clock.unknown': '엣지 시계 상태를 모릅니다', 'why.clock.synchronised': '엣지 시계 맞음',
  'why.intrusion': '{class}이(가) 들어가면 안 되는 구역에 {s}초째 있습니다.', 'why.intrusion.past': '{class}이(가) 들어가면 안 되는 구역에 {s}초 동안 있었습니다.',
  'why.loitering': '{class}이(가) 구역에 {s}초째 머물고 있습니다 (기준 {limit}초).', 'why.loitering.past': '{class}이(가) 구역에 {s}초 동안 머물렀습니다 (기준 {limit}초).',
  'why.line-crossing': '{class}이(가) 선을 {direction} 넘었습니다.', 'why.other': '{class}: {kind}',
  'direction.left-to-right': '왼쪽에서 오른쪽으로', 'direction.right-to-left': '오른쪽에서 왼쪽으로', 'direction.both': '한쪽에서 다른 쪽으로',
  'reason.score': '탐지 점수', 'reason.inside_s': '구역 안 시간', 'reason.dwell_s': '머문 시간', 'reason.crossings': '넘은 횟수', 'reason.hits': '본 횟수',
  'confidence.high': '높음', 'confidence.medium': '중간', 'confidence.low': '낮음',
  'history.raise': '규칙 발생', 'history.raised': '규칙 발생', 'history.fold': '같은 일이 다시 있었음', 'history.join': '같은 일이 다시 있었음', 'history.claim': '담당', 'history.release': '담당 풀림', 'history.evidence': '영상 확인', 'history.verdict': '판정', 'history.undo': '판정 되돌림', 'history.lease': '시간이 지나 담당 풀림', 'history.expire': '시간이 지나 담당 풀림', 'history.clear': '상황 끝남', 'history.close': '종결', 'history.update': '갱신', 'history.system': '시스템',

  'state.starting': '시작 중', 'state.live': '정상', 'state.waiting-key': '영상 대기', 'state.offline': '연결 안 됨', 'state.busy': '접속 한도', 'state.denied': '로그인 거부', 'state.failed': '고장',
  'code.bad-url': '주소가 잘못되었습니다', 'code.unreachable': '카메라에 연결할 수 없습니다', 'code.silent': '연결은 되었으나 영상이 오지 않습니다', 'code.wrong-password': '비밀번호가 맞지 않습니다', 'code.need-password': '로그인이 필요한 카메라입니다',
  'code.basic-refused': '카메라가 안전하지 않은 로그인(Basic)만 받습니다', 'code.busy': '카메라가 더 받을 수 없다고 합니다', 'code.not-found': '카메라에 그런 주소가 없습니다', 'code.no-video': 'H.264/H.265 영상이 없습니다', 'code.no-parameter-sets': '영상 설정(SPS/PPS)이 오지 않습니다',
  'code.protocol': '카메라의 응답을 이해할 수 없습니다', 'code.ended': '카메라가 연결을 끊었습니다', 'code.tainted': '손실이 있어 다음 키프레임을 기다립니다', 'code.model': '모델이 응답하지 않습니다', 'code.not_found': '설정된 모델이 없습니다', 'code.worker': '처리 프로세스가 다시 시작되고 있습니다', 'code.edge-offline': '엣지의 보고가 끊겼습니다', 'code.closed': '닫혔습니다',
  'camera.since': '{time}부터', 'camera.rate': '초당 {fps}장 · 분석 {infer}회', 'camera.nostill': '화면 없음', 'camera.late': '지연 {s}', 'camera.none': '아직 보고된 카메라가 없습니다', 'camera.none.help': '엣지를 등록하고 edge.yaml에 카메라를 적으면 여기에 나타납니다.', 'camera.count': '{live}/{all}대 정상', 'camera.edge': '엣지 {name}', 'camera.edge.offline': '엣지 연결 끊김', 'camera.all': '모든 카메라', 'camera.abnormal': '이상만',

  'events.camera': '카메라', 'events.kind': '종류', 'events.from': '부터', 'events.to': '까지', 'events.verdict': '판정', 'events.any': '전체', 'events.unjudged': '미판정', 'events.csv': 'CSV 내려받기', 'events.bom': '엑셀용(BOM)',
  'events.time': '시각', 'events.class': '대상', 'events.score': '점수', 'events.length': '길이', 'events.clip': '영상', 'events.more': '더 보기', 'events.none': '조건에 맞는 사건이 없습니다', 'events.open': '진행 중', 'events.close': '닫기', 'events.error': '불러오지 못했습니다: {message}',

  'admin.edges': '엣지', 'admin.users': '사용자', 'admin.token.make': '등록 토큰 만들기', 'admin.token.name': '엣지 이름', 'admin.token.once': '지금 한 번만 보입니다. {time}까지 쓸 수 있습니다.', 'admin.user.add': '사용자 추가', 'admin.role': '권한', 'admin.role.operator': '운영자', 'admin.role.admin': '관리자', 'admin.disable': '사용 중지', 'admin.disabled': '중지됨', 'admin.seen': '마지막 보고', 'admin.pending': '보낼 것', 'admin.pending.value': '사건 {events} · 영상 {clips}', 'admin.online': '연결됨', 'admin.offline': '끊김',
  'audit.at': '시각', 'audit.actor': '누가', 'audit.action': '무엇을', 'audit.target': '대상', 'audit.client': '어디서', 'audit.detail': '내용',

  'keys.title': '단축키', 'keys.move': '이동', 'keys.open': '증거 열기', 'keys.claim': '담당', 'keys.release': '담당 풀기', 'keys.real': '실제', 'keys.false': '오탐', 'keys.dup': '중복', 'keys.tech': '장비 이상', 'keys.undo': '되돌리기', 'keys.play': '재생/멈춤', 'keys.seek': '1초 이동 (Shift: 한 장)', 'keys.seek10': '10초 이동', 'keys.boxes': '박스', 'keys.zone': '구역', 'keys.pause': '목록 멈춤', 'keys.mute': '60초 소리 끔', 'keys.note': '메모', 'keys.sheet': '이 표', 'keys.back': '닫기', 'keys.mode': '한 글자 단축키', 'keys.mode.on': '사용', 'keys.mode.alt': 'Alt와 함께', 'keys.mode.off': '사용 안 함',
  'foot.move': '이동', 'foot.open': '증거', 'foot.claim': '담당', 'foot.verdict': '실제 · 오탐', 'foot.keys': '단축키', 'foot.edges': '엣지 {online}/{all} 정상', 'foot.heard': '마지막 수신 {s}초 전',
  'error.unreachable': '서버에 연결할 수 없습니다.', 'error.session': '로그인이 끝났습니다. 다시 들어와 주세요.', 'error.page': '없는 화면입니다',
} as const satisfies Record<string, string>;
