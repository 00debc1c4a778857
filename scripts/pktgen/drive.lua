-- What the other scripts share: sends the capture file that Pktgen was started with (-s PORT:FILE)
-- and prints one line with what went out and what came back. Settings come from the environment:
--   ZL_PORT     of Pktgen's (0)
--   ZL_RATE     percent of the port's speed (100: line rate)
--   ZL_SECONDS  to send for (5)
-- The last thing that a script does is to end Pktgen.

local function setting(name, default, low, high)
	local text = os.getenv(name) or tostring(default)
	local n = tonumber(text)
	if not n or n < low or n > high then
		io.stderr:write(string.format("%s=%s: a number from %g to %g is wanted\n", name, text, low, high))
		pktgen.quit()
		return nil
	end
	return n
end

local function counters(port)
	return pktgen.portStats(tostring(port), "port")[port]
end

-- One line: "zeroline-pktgen WHAT: sent N frames ..."
local function report(what, seconds, before, after)
	local sent = after.opackets - before.opackets
	local back = after.ipackets - before.ipackets
	local bytes = after.obytes - before.obytes

	print(string.format("zeroline-pktgen %s: sent %d frames in %.1f s (%.3f M/s, %.3f Gbit/s), came back %d, "
		.. "errors out %d, missed in %d", what, sent, seconds, sent / seconds / 1e6, bytes * 8 / seconds / 1e9,
		back, after.oerrors - before.oerrors, after.imissed - before.imissed))
end

local function link_up(port)
	for _ = 1, 50 do
		if string.find(string.lower(pktgen.linkState(tostring(port))[port] or ""), "up") then
			return true
		end
		pktgen.delay(100)
	end
	return false
end

-- Pktgen reads the device's counters about once a second, later if its first lcore shares a CPU: they
-- are taken when they have moved and then not moved any more. nil: they never do.
local function settled(port, before)
	local last, still = counters(port), 0

	for _ = 1, 100 do
		pktgen.delay(200)
		local now = counters(port)
		local same = now.opackets == last.opackets and now.ipackets == last.ipackets
		still = same and still + 1 or 0
		last = now
		if still >= 12 and now.opackets > before.opackets then
			return now
		end
	end
	return nil
end

function zeroline_drive(what)
	local port = setting("ZL_PORT", 0, 0, 255)
	local rate = setting("ZL_RATE", 100, 0.01, 100)
	local seconds = setting("ZL_SECONDS", 5, 0.1, 86400)

	if not (port and rate and seconds) then
		return
	end
	port = math.tointeger(port)
	pktgen.screen("off")
	if not link_up(port) then
		io.stderr:write(string.format("port %d: no link after 5 s; is the other end running?\n", port))
		pktgen.quit()
		return
	end
	pktgen.set(tostring(port), "rate", rate)
	pktgen.delay(200)
	local before = counters(port)
	pktgen.start(tostring(port))
	pktgen.delay(math.tointeger(seconds * 1000 // 1))
	pktgen.stop(tostring(port))
	local after = settled(port, before)
	if after then
		report(what, seconds, before, after)
	else
		io.stderr:write("Pktgen's counters did not move: did anything go out, and is the other end still "
			.. "there? A memif's counters begin anew when it goes\n")
	end
	pktgen.quit()
end
