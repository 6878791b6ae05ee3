-- Walks round the apps whose tokens and package ids stand in a file, one pair
-- a line: on one round every app submits its package, on the next it withdraws
-- it, so that each request is a step of a lifecycle that really happens.
local apps, n, at, submit = {}, 0, 0, false

function init(args)
  for line in io.lines(args[1]) do
    local token, package = line:match("^(%S+) (%d+)$")
    n = n + 1
    apps[n] = { token, package }
  end
end

function request()
  if at % n == 0 then submit = not submit end
  at = at + 1
  local app = apps[(at - 1) % n + 1]
  local path = "/rest/2.0/smartapp/package/" .. (submit and "submitaudit" or "withdraw")
  local body = "package_id=" .. app[2]
  if submit then
    body = body .. "&content=TP%E4%BB%A3%E9%80%81%E5%AE%A1%E5%BC%80%E5%8F%91%E5%8C%85&remark=%E4%BB%A3%E6%8F%90%E5%AE%A1"
  end
  return wrk.format("POST", path .. "?access_token=" .. app[1],
    { ["Content-Type"] = "application/x-www-form-urlencoded" }, body)
end
