/**
 * What Redis does in one step, as scripts. No other command comes in between; nothing is rolled back, though: when a command is refused,
 * those before it stay. How many were done is noted then, so that a batch that runs again goes on after them.
 */

/** KEYS: epochs, stages. ARGV: output, epoch. Claims the output, and drops what earlier epochs left. */
export const OPEN: string = `
local latest = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '-1')
if latest > tonumber(ARGV[2]) then return {'fenced', tostring(latest)} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for _, stage in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if tonumber(string.match(stage, ':rows:(%d+):')) < tonumber(ARGV[2]) then
    redis.call('DEL', stage)
    redis.call('SREM', KEYS[2], stage)
  end
end
return {'ok'}`

const DROP = `
local function drop(stages, part)
  for _, stage in ipairs(redis.call('SMEMBERS', stages)) do
    if string.find(stage, part, 1, true) then
      redis.call('DEL', stage)
      redis.call('SREM', stages, stage)
    end
  end
end`

/** KEYS: stages. ARGV: the part of their names that those of the batch have. */
export const ABORT: string = `${DROP}
drop(KEYS[1], ARGV[1])
return {'ok'}`

/** KEYS: epochs, batches, stages. ARGV: output, epoch, batch time, part of names as for ABORT, then for each partition a key and its length. */
export const COMMIT: string = `${DROP}
local latest = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '-1')
if latest > tonumber(ARGV[2]) then return {'fenced', tostring(latest)} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
local time = ARGV[3]
if redis.call('HEXISTS', KEYS[2], time) == 0 then
  for i = 5, #ARGV, 2 do
    local found = redis.call('LLEN', ARGV[i])
    if found ~= tonumber(ARGV[i + 1]) then return {'missing', ARGV[i], tostring(found)} end
  end
  local done = tonumber(redis.call('HGET', KEYS[2], 'part:' .. time) or '0')
  local at = 0
  for i = 5, #ARGV, 2 do
    for from = 0, tonumber(ARGV[i + 1]) - 1, 1000 do
      for _, packed in ipairs(redis.call('LRANGE', ARGV[i], from, from + 999)) do
        at = at + 1
        if at > done then
          local parts, next = {}, 1
          while next <= #packed do
            local length, first = struct.unpack('>I4', packed, next)
            next = first + length
            parts[#parts + 1] = string.sub(packed, first, next - 1)
          end
          local reply = redis.pcall(unpack(parts))
          if type(reply) == 'table' and reply.err then
            redis.call('HSET', KEYS[2], 'part:' .. time, at - 1)
            return {'refused', parts[1] .. ' ' .. (parts[2] or ''), reply.err}
          end
        end
      end
    end
  end
  redis.call('HSET', KEYS[2], time, ARGV[2])
  redis.call('HDEL', KEYS[2], 'part:' .. time)
end
drop(KEYS[3], ARGV[4])
return {'ok'}`

/** KEYS: batches. ARGV: the first batch time that is kept. */
export const FORGET: string = `
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if tonumber(string.match(field, '(%d+)$')) < tonumber(ARGV[1]) then redis.call('HDEL', KEYS[1], field) end
end
return {'ok'}`
