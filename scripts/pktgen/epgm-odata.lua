-- PGM ODATA in UDP, as epgm:// has it, from several sources. The template:
--   zeroline-frames --to 239.192.1.1 --groups 4 --spm 64 epgm FILE.pcap
-- Run from this folder, or with ZL_DIR set to it.
dofile((os.getenv("ZL_DIR") or ".") .. "/drive.lua")
zeroline_drive("epgm-odata")
