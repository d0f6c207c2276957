package rtsp

// Quirk is one way in which a camera departs from what the standards say, or from what is
// easy. Its name is stable: it labels metrics. docs/design/cameras.md says what is done
// about each.
type Quirk uint8

// The quirks that are recognised. What is counted stands behind each: an occurrence, a
// session, or a picture.
const (
	QuirkNoSprop             Quirk = iota // session: no usable parameter set in the description
	QuirkSpropIncomplete                  // session: some parameter sets in the description, not all
	QuirkSpropInvalid                     // parameter set in the description that is none
	QuirkSpropAnnexB                      // parameter set in the description with start codes
	QuirkNoInBandParams                   // session: the first key picture came without parameter sets
	QuirkAnnexBInRTP                      // payload with start codes
	QuirkSPSTrailing                      // SPS with bytes behind its end
	QuirkRichSPS                          // H.265 SPS with sub-layers, scaling lists or reference picture sets
	QuirkFUTypeChange                     // NAL unit whose fragments name different types
	QuirkFUSingle                         // NAL unit in one fragment
	QuirkFUEmpty                          // fragment without data, or empty payload
	QuirkNoMarker                         // picture that ended without a marker bit
	QuirkEarlyMarker                      // marker bit where no picture can end
	QuirkMarkerInPicture                  // session: marker bits on slices within pictures
	QuirkLargePacket                      // packet larger than RFC 6184 would have cut it
	QuirkHeadlessPicture                  // picture without its first slice
	QuirkReorderedPictures                // session: pictures are sent in another order than shown
	QuirkStampNotRising                   // timestamp equal to the one before, or a little back
	QuirkStampOutlier                     // timestamp that cannot be right
	QuirkNewTimeline                      // timestamps jumped for good
	QuirkStampStep                        // timestamp moved against the arrival by more than 250 ms
	QuirkRateMismatch                     // session: the declared rate of pictures is not the delivered one
	QuirkClockRate                        // session: the camera's clock runs more than 1 % slow or fast
	QuirkNoReports                        // session: no sender report in the first 10 s
	QuirkReportDisagrees                  // sender report that contradicts the one before
	QuirkClaimStep                        // camera's clock was set after it had been believed
	QuirkSSRCZero                         // session: SSRC 0
	QuirkSSRCChange                       // new SSRC within the session
	QuirkSSRCMismatch                     // session: another SSRC than SETUP announced
	QuirkOddTransport                     // session: Transport header that needs leniency
	QuirkOddRTPInfo                       // session: RTP-Info header that cannot be right
	QuirkEarlyRTP                         // packet before the answer to PLAY
	QuirkStaleData                        // packet before PLAY was asked for, or of the sender it belongs to
	QuirkUnknownChannel                   // packet on a channel that was not set up
	QuirkJunkBytes                        // run of bytes that belong to nothing
	QuirkKeepaliveRefused                 // keepalive that was refused; the next uses another method
	QuirkKeepaliveUnanswered              // keepalive that was never answered
	QuirkShortSession                     // session: the camera ends it after less than 30 s without keepalive
	QuirkNonceRenewed                     // new challenge within a session
	QuirkCameraRequest                    // request of the camera's
	QuirkExtraTrack                       // track that is neither video nor audio
	QuirkOddTrack                         // track whose description cannot be used
	QuirkOddChallenge                     // session: challenge that needs leniency
	QuirkDigestLogin                      // session: logged in by digest
	QuirkOddSDP                           // session: description without what RFC 8866 demands
	QuirkOddBaseURL                       // session: Content-Base or control address that needs leniency
	QuirkForeignHost                      // address that names another host; the configured one is used
	QuirkRedirect                         // redirect; never followed
	QuirkNoContentType                    // session: description without its type
	QuirkOddStatusLine                    // answer whose first line is not as RFC 2326 has it
	QuirkOddCSeq                          // answer with another number than the request had
	QuirkStrayAnswer                      // answer to nothing that was asked
	QuirkSessionChange                    // the session's name changed
	QuirkNoServerPorts                    // session over UDP whose answer names no server ports
	QuirkForeignSender                    // datagram of another address or port; dropped
	QuirkSmallBuffer                      // session over UDP with less receive buffer than asked for
	QuirkLossUDP                          // gap in the packets over UDP
	QuirkLossTCP                          // gap in the packets over TCP: the camera dropped them
	QuirkReordered                        // datagram that overtook others; put right
	QuirkLongGOP                          // key picture more than 10 s after the one before
	QuirkRateChange                       // the rate of pictures halved or doubled for good
	QuirkParamsChange                     // parameter sets changed within the session
	QuirkSizeChange                       // size of the pictures changed within the session
	QuirkPayloadType                      // packet of a payload type that was not announced
	QuirkRTCPOnRTP                        // RTCP packet where RTP belongs
	QuirkBrokenRTCP                       // RTCP packet that cannot be read
	QuirkBrokenRTP                        // RTP packet that cannot be read
	QuirkSecureProfile                    // session: encrypted media are offered beside plain ones
	QuirkCodecChange                      // codec changed within the session; the run ends
	QuirkEndless                          // NAL unit or picture without end; dropped

	quirkCount
)

var quirkNames = [quirkCount]string{
	"no-sprop", "sprop-incomplete", "sprop-invalid", "sprop-annexb", "no-inband-params",
	"annexb-in-rtp", "sps-trailing", "rich-sps", "fu-type-change", "fu-single", "fu-empty",
	"no-marker", "early-marker", "marker-in-picture", "large-packet", "headless-picture",
	"reordered-pictures", "stamp-not-rising", "stamp-outlier", "new-timeline", "stamp-step",
	"rate-mismatch", "clock-rate", "no-reports", "report-disagrees", "claim-step",
	"ssrc-zero", "ssrc-change", "ssrc-mismatch", "odd-transport", "odd-rtp-info", "early-rtp",
	"stale-data", "unknown-channel", "junk-bytes", "keepalive-refused", "keepalive-unanswered",
	"short-session", "nonce-renewed", "camera-request", "extra-track", "odd-track",
	"odd-challenge", "digest-login", "odd-sdp", "odd-base-url", "foreign-host", "redirect",
	"no-content-type", "odd-status-line", "odd-cseq", "stray-answer", "session-change",
	"no-server-ports", "foreign-sender", "small-buffer", "loss-udp", "loss-tcp", "reordered",
	"long-gop", "rate-change", "params-change", "size-change", "payload-type", "rtcp-on-rtp",
	"broken-rtcp", "broken-rtp", "secure-profile", "codec-change", "endless",
}

// String gives the stable name.
func (q Quirk) String() string {
	if int(q) < len(quirkNames) {
		return quirkNames[q]
	}
	return "unknown"
}

// QuirkCounts counts what was met, by Quirk.
type QuirkCounts [quirkCount]uint64

// Add puts other's counts on top.
func (c *QuirkCounts) Add(other *QuirkCounts) {
	for i, n := range other {
		c[i] += n
	}
}

// Each calls f for every quirk that was met, in a fixed order.
func (c *QuirkCounts) Each(f func(name string, n uint64)) {
	for i, n := range c {
		if n > 0 {
			f(quirkNames[i], n)
		}
	}
}

// once counts q unless it was counted before: for what is said once a session.
func (c *QuirkCounts) once(q Quirk) { c[q] = 1 }
