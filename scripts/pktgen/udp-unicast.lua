-- RADIO datagrams to one address, groups in turn. The template:
--   zeroline-frames --groups 8 udp FILE.pcap
-- Run from this folder, or with ZL_DIR set to it.
dofile((os.getenv("ZL_DIR") or ".") .. "/drive.lua")
zeroline_drive("udp-unicast")
