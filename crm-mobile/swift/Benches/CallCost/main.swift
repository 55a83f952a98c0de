// Prints what a call from Swift costs, warm, in a file in memory: the best of several rounds.

import Crm
import Dispatch

let calls = 20_000

let crm = try Crm.open(":memory:")
var best = UInt64.max
for _ in 0..<5 {
    let start = DispatchTime.now().uptimeNanoseconds
    for _ in 0..<calls { _ = try crm.info(request: Empty()) }
    best = min(best, DispatchTime.now().uptimeNanoseconds - start)
}
try crm.close()
print("database.info \(Double(best) / 1000 / Double(calls))")
