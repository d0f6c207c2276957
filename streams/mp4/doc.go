// Package mp4 reads recorded files and writes clips: coded pictures go in and come out with
// their bytes untouched, nothing is decoded or re-encoded. The container is the ISO base media
// file format (ISO/IEC 14496-12), the sample entries are those of ISO/IEC 14496-15.
//
// Open reads a finished file (reader.go, tables.go). Create begins a clip: while it is written
// it is a fragmented file, playable when torn; Close rewrites it with its index first
// (writer.go, journal.go, finish.go). Salvage does the same for what a dead writer left
// (salvage.go). docs/design/clips.md says why.
package mp4
