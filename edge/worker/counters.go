package worker

import (
	"bongsu/edge/link"
	"bongsu/streams/rtsp"
)

// Counters gives every number of this camera, by its metric's name.
func (c *camera) Counters() []link.Counter {
	n := c.pipe.Counts()
	rs, cs, bs := c.streamStats(), c.clips.Stats(), c.ring.Stats()
	var out []link.Counter
	add := func(name, label string, v float64, gauge bool) {
		out = append(out, link.Counter{Name: name, Camera: c.id, Label: label, Value: v, Gauge: gauge})
	}
	count := func(name, label string, v uint64) { add(name, label, float64(v), false) }
	gauge := func(name string, v float64) { add(name, "", v, true) }

	count("bongsu_units_received_total", "", n.Received)
	count("bongsu_units_decoded_total", "", n.UnitsDecoded)
	count("bongsu_units_dropped_total", "", n.UnitsDropped)
	count("bongsu_units_skipped_total", "", n.UnitsSkipped)
	gauge("bongsu_units_in_flight", float64(n.UnitsInFlight))
	count("bongsu_units_lost_total", "", n.LostUnits)
	count("bongsu_frames_decoded_total", "", n.FramesDecoded)
	count("bongsu_frames_inferred_total", "", n.Inferred)
	count("bongsu_frames_sampled_out_total", "", n.SampledOut)
	count("bongsu_frames_gated_total", "", n.Gated)
	count("bongsu_frames_skipped_total", "", n.FramesSkipped)
	count("bongsu_frames_tainted_total", "", n.FramesTainted)
	count("bongsu_frames_failed_total", "", n.FramesFailed)
	gauge("bongsu_frames_in_flight", float64(n.FramesInFlight))
	count("bongsu_camera_reconnects_total", "", n.Reconnects)
	count("bongsu_event_revisions_total", "", n.Events)
	count("bongsu_event_findings_gathered_total", "", c.found())

	count("bongsu_rtp_packets_total", "", rs.Packets)
	count("bongsu_rtp_missing_total", "", rs.Missing)
	count("bongsu_rtp_duplicates_total", "", rs.Duplicates)
	count("bongsu_rtp_damaged_total", "", rs.Damaged)
	count("bongsu_rtp_restamped_total", "", rs.Restamped)
	count("bongsu_rtp_timelines_total", "", rs.Timelines)
	count("bongsu_rtcp_reports_total", "", rs.Reports)
	rs.Quirks.Each(func(name string, n uint64) { count("bongsu_camera_quirks_total", "quirk="+name, n) })
	if rs.SocketBuffer > 0 {
		gauge("bongsu_rtp_buffer_bytes", float64(rs.SocketBuffer))
	}

	count("bongsu_clip_parts_total", "state=ready", cs.Ready)
	count("bongsu_clip_parts_total", "state=torn", cs.Torn)
	count("bongsu_clip_parts_total", "state=failed", cs.Failed)
	count("bongsu_clip_units_dropped_total", "", cs.DroppedUnits)
	gauge("bongsu_clip_queue_bytes", float64(cs.QueueBytes))
	gauge("bongsu_ring_bytes", float64(bs.Bytes))
	count("bongsu_ring_units_dropped_total", "", bs.DroppedUnits)
	return out
}

// streamStats sums over the camera's runs and streams.
func (c *camera) streamStats() rtsp.Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.past
	if c.main != nil {
		s = addStats(s, c.main.Stats())
	}
	if c.detect != nil {
		s = addStats(s, c.detect.Stats())
	}
	return s
}

func addStats(a, b rtsp.Stats) rtsp.Stats {
	a.Packets += b.Packets
	a.Missing += b.Missing
	a.Duplicates += b.Duplicates
	a.Damaged += b.Damaged
	a.Restamped += b.Restamped
	a.Timelines += b.Timelines
	a.Reports += b.Reports
	a.Quirks.Add(&b.Quirks)
	a.SocketBuffer = b.SocketBuffer
	return a
}
