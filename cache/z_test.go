package cache
import ("testing";"unsafe")
func TestSizes(t *testing.T){ o,_:=Options{MaxBytes:4096,Shards:1,MaxValue:100}.withDefaults(); t.Log(cacheBytes,shardBytes,unsafe.Sizeof(arena{}),unsafe.Sizeof(index{}),unsafe.Sizeof(evictionOrder{}),unsafe.Sizeof(watches{}),unsafe.Sizeof(counts{}), o.shardMemory(), o.largestEntry(), bookkeeping(3000), mostSegments(3000,2))}
