# How alarms are scored against truth, KISA-style. Every number that the scorer uses stands here,
# and the SHA-256 of this file stands in every report.
#
# Standing: the pass mark, the F1 rule and the rules of the IoU categories are as published for the
# certification. The time window, the offsets and the words of the categories come from public
# documents of teams that prepare for the test. What nobody has published is listed as an assumption.
profile    kisa-2026
version    1
mark       f1=90.00
window     before=2.0 after=10.0
tolerance  xml=0 float=0.2
bootstrap  resamples=2000 seed=2026 level=95
iou        area=0.5 rate=30 match=0.5 assumptions=match,mean

# Words of clip files, the kinds of event behind them, and when the truth's clock starts:
# alarm time = onset + offset.
category Intrusion       kind=intrusion       method=window offset=0
category Loitering       kind=loitering       method=window offset=10
category Abandonment     kind=abandonment     method=window offset=0
category FireDetection   kind=fire            method=window offset=10
category Falldown        kind=fall            method=window offset=1
category Violence        kind=fight           method=window offset=0
category PeopleCounting  kind=-               method=window offset=0
category Queueing        kind=-               method=window offset=0

# Words of newer categories are not published. These are ours.
category LineCrossing    kind=line-crossing   method=window offset=0 assumptions=word
category WrongWay        kind=wrong-way       method=window offset=0 assumptions=word
category StoppedVehicle  kind=stopped-vehicle method=window offset=10 assumptions=word,offset
category ClosedArea      kind=closed-area     method=window offset=0 assumptions=word
category Crowd           kind=crowd           method=window offset=0 assumptions=word
category MissingPerson   kind=-               method=iou    offset=0 assumptions=word
category DrowningPerson  kind=-               method=iou    offset=0 assumptions=word
category DroneFire       kind=-               method=iou    offset=0 assumptions=word
