-- RADIO datagrams to a range of multicast addresses, a group each. The template:
--   zeroline-frames --to 239.192.1.1 --spread --groups 64 udp FILE.pcap
-- Run from this folder, or with ZL_DIR set to it.
dofile((os.getenv("ZL_DIR") or ".") .. "/drive.lua")
zeroline_drive("udp-multicast")
