/**
 * Scripts that Redis runs as one step. Each touches one key alone, so that a cluster takes them. ARGV[1] is always the life in
 * milliseconds, empty for none.
 */

/** KEYS[1] the count, ARGV[2] what is added. Gives the sum as text, or nil when it is no whole number or not a safe sum. */
export const INCREMENT = `
local held = redis.call('GET', KEYS[1])
local sum = tonumber(ARGV[2])
if held then
  if not string.match(held, '^-?%d+$') then return nil end
  sum = sum + tonumber(held)
end
if sum > 9007199254740991 or sum < -9007199254740991 then return nil end
local text = sum == 0 and '0' or string.format('%.0f', sum)
if held then redis.call('SET', KEYS[1], text, 'KEEPTTL')
elseif ARGV[1] == '' then redis.call('SET', KEYS[1], text)
else redis.call('SET', KEYS[1], text, 'PX', ARGV[1]) end
return text`;

/** KEYS[1] the entry, ARGV[2] the new value, ARGV[3] the expected one; without it there must be none. Gives 1 if it did. */
export const COMPARE_AND_SET = `
local held = redis.call('GET', KEYS[1])
if held ~= (ARGV[3] or false) then return 0 end
if ARGV[1] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1]) end
return 1`;
