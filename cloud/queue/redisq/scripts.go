package redisq

import "github.com/redis/go-redis/v9"

// Scripts run alone on the server: what one of them does is seen whole or not at all, and goes to
// the append-only file as one transaction. All take the keys in the order of names.all.
//
// A server that is out of memory refuses commands that may need some, but not inside a script that
// has written already. So those that move a message remove first: giving back and promoting work
// on a full server, adding does not.

// publishScript adds the keys ARGV[2...], published at ARGV[1], that are not there, and gives how
// many that were. The index is not believed without looking: an entry may have been removed
// by hand.
var publishScript = redis.NewScript(`
local added = 0
for i = 2, #ARGV do
	local have, there = redis.call('HGET', KEYS[2], ARGV[i]), false
	if have and string.sub(have, 1, 1) == 's' then
		local id = string.sub(have, 2)
		there = #redis.call('XRANGE', KEYS[1], id, id) == 1
	elseif have then
		there = redis.call('ZSCORE', KEYS[3], ARGV[i]) and true
	end
	if not there then
		local id = redis.call('XADD', KEYS[1], '*', 'k', ARGV[i], 'p', ARGV[1], 'n', '0')
		redis.call('HSET', KEYS[2], ARGV[i], 's' .. id)
		added = added + 1
	end
end
return added
`)

// ackScript removes the entry ARGV[2] of the group ARGV[1] and whatever else is there of the key
// ARGV[3]: the work is done, whoever holds it now.
var ackScript = redis.NewScript(`
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
local have = redis.call('HGET', KEYS[2], ARGV[3])
if have and string.sub(have, 1, 1) == 's' then
	local id = string.sub(have, 2)
	if id ~= ARGV[2] then
		redis.call('XACK', KEYS[1], ARGV[1], id)
		redis.call('XDEL', KEYS[1], id)
	end
elseif have then
	redis.call('ZREM', KEYS[3], ARGV[3])
end
if have then redis.call('HDEL', KEYS[2], ARGV[3]) end
return 1
`)

// renewScript sets the idle time of the entry ARGV[2] of the group ARGV[1] back to zero, if it is
// still the ARGV[3]th delivery of this entry that is held, by the consumer ARGV[4]. JUSTID keeps
// XCLAIM from counting a delivery.
var renewScript = redis.NewScript(`
local p = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if p.err or #p == 0 or p[1][2] ~= ARGV[4] or p[1][4] ~= tonumber(ARGV[3]) then return 0 end
return #redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[4], 0, ARGV[2], 'JUSTID')
`)

// nackScript gives the entry ARGV[2] of the group ARGV[1] back after ARGV[4] ms, if it is still the
// ARGV[5]th delivery of this entry that is held, by the consumer ARGV[8]. ARGV[6] and ARGV[7] are
// when it was published and how often it has been delivered in all.
var nackScript = redis.NewScript(`
local p = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if p.err or #p == 0 or p[1][2] ~= ARGV[8] or p[1][4] ~= tonumber(ARGV[5]) then return 0 end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
if tonumber(ARGV[4]) <= 0 then
	local id = redis.call('XADD', KEYS[1], '*', 'k', ARGV[3], 'p', ARGV[6], 'n', ARGV[7])
	redis.call('HSET', KEYS[2], ARGV[3], 's' .. id)
	return 1
end
local t = redis.call('TIME')
local due = tonumber(t[1]) * 1000 + math.ceil(tonumber(t[2]) / 1000) + tonumber(ARGV[4])
redis.call('ZADD', KEYS[3], due, ARGV[3])
redis.call('HSET', KEYS[2], ARGV[3], 'd' .. ARGV[6] .. ':' .. ARGV[7])
return 1
`)

// promoteScript puts up to ARGV[1] delayed messages that are due into the stream and gives how many
// milliseconds there are until the next one is, -1 without one.
var promoteScript = redis.NewScript(`
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
for _, k in ipairs(redis.call('ZRANGE', KEYS[3], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])) do
	redis.call('ZREM', KEYS[3], k)
	local p, n = string.match(redis.call('HGET', KEYS[2], k) or '', '^d(%-?%d+):(%d+)$')
	if p then
		local id = redis.call('XADD', KEYS[1], '*', 'k', k, 'p', p, 'n', n)
		redis.call('HSET', KEYS[2], k, 's' .. id)
	end
end
local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if #first == 0 then return -1 end
return math.max(0, tonumber(first[2]) - now)
`)

// buryScript moves the entry ARGV[2] of the group ARGV[1] to the dead letters with the fields
// ARGV[4...], of which it keeps about the ARGV[3] newest.
var buryScript = redis.NewScript(`
if redis.call('XDEL', KEYS[1], ARGV[2]) == 0 then return 0 end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
local fields = {}
for i = 4, #ARGV do fields[#fields + 1] = ARGV[i] end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[3], '*', unpack(fields))
return 1
`)

// retryScript puts the dead letter ARGV[1] back as the entry that it was, ARGV[2...].
var retryScript = redis.NewScript(`
if redis.call('XDEL', KEYS[4], ARGV[1]) == 0 then return 0 end
local fields = {}
for i = 2, #ARGV do fields[#fields + 1] = ARGV[i] end
redis.call('XADD', KEYS[1], '*', unpack(fields))
return 1
`)

// tidyScript forgets consumers of the group ARGV[1] that hold nothing and were not heard of for
// ARGV[2] ms: processes that ended.
var tidyScript = redis.NewScript(`
local gone = 0
local all = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if all.err then return 0 end
for _, c in ipairs(all) do
	local v = {}
	for i = 1, #c, 2 do v[c[i]] = c[i + 1] end
	if v['pending'] == 0 and v['idle'] > tonumber(ARGV[2]) then
		redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], v['name'])
		gone = gone + 1
	end
end
return gone
`)
