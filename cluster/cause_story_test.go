package cluster

// killStopPause is the course of a cluster of three brokers as it reported it: a kill, a controlled stop, the kill of the
// controller and a pause, each with the return of the broker. Epochs begin with elections and with the ISR alone.
const killStopPause = `
0.000 cluster.starting => -
1.095 process.starting broker=1 => 0
2.557 process.starting broker=2 => 0
5.888 process.starting broker=3 => 0
26.773 process.ready broker=3 => 20
29.425 controller.elected broker=3 => -
29.788 process.ready broker=1 => 28
33.229 process.ready broker=2 => 30
33.828 broker.up broker=2 => 31
46.789 leader.elected tp=orders/0 old=-1 new=2 epoch=0 isr=2,3,1 reason=new_partition => -
46.791 leader.elected tp=orders/1 old=-1 new=3 epoch=0 isr=3,1,2 reason=new_partition => -
46.796 leader.elected tp=orders/2 old=-1 new=1 epoch=0 isr=1,2,3 reason=new_partition => -
53.916 replica.leader broker=2 tp=orders/0 epoch=0 => 7
55.000 replica.leader broker=3 tp=orders/1 epoch=0 => 8
53.792 replica.leader broker=1 tp=orders/2 epoch=0 => 6
71.909 write.first broker=3 tp=orders/1 epoch=0 => 25
2085.619 process.killed broker=2 => 0
2088.365 process.exited broker=2 => 2
4025.948 session.expired broker=2 => 1940
4027.976 broker.down broker=2 => 1942
4028.720 isr.shrunk tp=orders/0 old=2,3,1 new=3,1 => 1943
4028.724 leader.elected tp=orders/0 old=2 new=3 epoch=1 isr=3,1 reason=leader_offline => 1943
4030.482 isr.shrunk tp=orders/1 old=3,1,2 new=3,1 => 1944
4030.484 isr.shrunk tp=orders/2 old=1,2,3 new=1,3 => 1944
4031.131 replica.leader broker=3 tp=orders/0 epoch=1 => 1945
4032.654 replica.leader broker=1 tp=orders/2 epoch=1 => 1947
4033.027 replica.leader broker=3 tp=orders/1 epoch=1 => 1947
7112.672 write.first broker=3 tp=orders/1 epoch=1 => 5027
7122.362 process.starting broker=2 => 0
7138.838 process.ready broker=2 => 16
7140.875 broker.up broker=2 => 18
7144.326 isr.grown tp=orders/0 old=3,1 new=3,1,2 => 21
7145.414 isr.grown tp=orders/2 old=1,3 new=1,3,2 => 23
7147.646 isr.grown tp=orders/1 old=3,1 new=3,1,2 => 25
11159.259 process.stopping broker=3 => 0
11160.555 isr.shrunk tp=orders/0 old=3,1,2 new=1,2 => 1
11160.558 leader.elected tp=orders/0 old=3 new=2 epoch=2 isr=1,2 reason=controlled_shutdown => 1
11160.559 isr.shrunk tp=orders/1 old=3,1,2 new=1,2 => 1
11160.559 leader.elected tp=orders/1 old=3 new=1 epoch=2 isr=1,2 reason=controlled_shutdown => 1
11161.504 isr.shrunk tp=orders/2 old=1,3,2 new=1,2 => 2
11164.310 replica.leader broker=2 tp=orders/0 epoch=2 => 5
11164.693 replica.leader broker=1 tp=orders/1 epoch=2 => 5
11167.517 replica.leader broker=1 tp=orders/2 epoch=2 => 8
11168.083 controller.resigned broker=3 reason=the_broker_stops => 8
11168.475 session.closed broker=3 => 9
11171.649 process.stopped broker=3 => 12
11172.810 controller.elected broker=1 => 13
13184.928 process.starting broker=3 => 0
13200.756 process.ready broker=3 => 15
13201.084 broker.up broker=3 => 16
13205.383 isr.grown tp=orders/1 old=1,2 new=1,2,3 => 20
13205.385 isr.grown tp=orders/2 old=1,2 new=1,2,3 => 20
13207.158 isr.grown tp=orders/0 old=1,2 new=1,2,3 => 22
16177.707 leader.elected tp=orders/1 old=1 new=3 epoch=3 isr=1,2,3 reason=preferred_leader => -
16181.613 replica.leader broker=3 tp=orders/1 epoch=3 => 3
16214.783 process.killed broker=1 => 0
16217.593 process.exited broker=1 => 2
18176.677 session.expired broker=1 => 1961
18179.457 controller.elected broker=2 => 1964
18181.655 broker.down broker=1 => 1966
18183.489 isr.shrunk tp=orders/0 old=1,2,3 new=2,3 => 1968
18183.492 isr.shrunk tp=orders/1 old=1,2,3 new=2,3 => 1968
18183.498 isr.shrunk tp=orders/2 old=1,2,3 new=2,3 => 1968
18185.084 leader.elected tp=orders/2 old=1 new=2 epoch=4 isr=2,3 reason=leader_offline => 1970
18187.491 replica.leader broker=2 tp=orders/0 epoch=3 => 1972
18188.857 replica.leader broker=3 tp=orders/1 epoch=4 => 1974
18189.740 replica.leader broker=2 tp=orders/2 epoch=4 => 1974
20230.232 process.starting broker=1 => 0
20244.997 process.ready broker=1 => 14
20246.276 broker.up broker=1 => 16
20251.258 isr.grown tp=orders/0 old=2,3 new=2,3,1 => 21
20251.261 isr.grown tp=orders/2 old=2,3 new=2,3,1 => 21
20252.522 isr.grown tp=orders/1 old=2,3 new=2,3,1 => 22
23186.216 leader.elected tp=orders/2 old=2 new=1 epoch=5 isr=2,3,1 reason=preferred_leader => -
23189.833 replica.leader broker=1 tp=orders/2 epoch=5 => 3
23261.500 process.paused broker=2 => 0
25187.082 session.expired broker=2 => 1925
25190.448 controller.elected broker=1 => 1928
25192.377 broker.down broker=2 => 1930
25195.137 isr.shrunk tp=orders/0 old=2,3,1 new=3,1 => 1933
25195.140 isr.shrunk tp=orders/1 old=2,3,1 new=3,1 => 1933
25195.148 isr.shrunk tp=orders/2 old=2,3,1 new=3,1 => 1933
25196.125 leader.elected tp=orders/0 old=2 new=3 epoch=5 isr=3,1 reason=leader_offline => 1934
25197.326 replica.leader broker=3 tp=orders/1 epoch=5 => 1935
25198.730 replica.leader broker=3 tp=orders/0 epoch=5 => 1937
25199.230 replica.leader broker=1 tp=orders/2 epoch=6 => 1937
28276.042 process.resumed broker=2 => 0
28279.369 controller.resigned broker=2 reason=the_ZooKeeper_session_expired => 5017
28293.194 broker.up broker=2 => 17
28299.219 isr.grown tp=orders/2 old=3,1 new=3,1,2 => 23
28301.269 isr.grown tp=orders/0 old=3,1 new=3,1,2 => 25
28301.272 isr.grown tp=orders/1 old=3,1 new=3,1,2 => 25
30198.977 leader.elected tp=orders/0 old=3 new=2 epoch=6 isr=3,1,2 reason=preferred_leader => -
30203.012 replica.leader broker=2 tp=orders/0 epoch=6 => 4
`

// backAtOnce is a start of an existing cluster and a kill of the controller, restarted before its session expired, as they
// were reported; then a kill and a controlled stop while that broker is away.
const backAtOnce = `
0.000 process.starting broker=1 => 0
0.612 process.starting broker=2 => 0
0.967 process.starting broker=3 => 0
39.258 process.ready broker=1 => 39
40.025 process.ready broker=2 => 39
40.969 controller.elected broker=2 => -
45.254 replica.leader broker=2 tp=orders/0 epoch=8 => 44
47.217 replica.leader broker=2 tp=orders/1 epoch=7 => 46
47.762 process.ready broker=3 => 46
47.449 replica.leader broker=2 tp=orders/2 epoch=8 => 46
50.987 broker.up broker=3 => 50
53.561 isr.grown tp=orders/1 old=2 new=2,1 => 53
53.563 isr.grown tp=orders/2 old=2 new=2,1 => 53
53.571 isr.grown tp=orders/0 old=2 new=2,1 => 53
54.313 isr.grown tp=orders/0 old=2,1 new=2,1,3 => 53
54.314 isr.grown tp=orders/1 old=2,1 new=2,1,3 => 53
54.315 isr.grown tp=orders/2 old=2,1 new=2,1,3 => 53
3061.962 process.killed broker=2 => 0
3064.563 process.exited broker=2 => 2
3072.758 process.starting broker=2 => 0
3090.827 process.ready broker=2 => 18
4699.026 session.expired ephemerals=/controller => 1637
4701.607 controller.elected broker=3 => 1639
4708.309 replica.leader broker=2 tp=orders/0 epoch=8 => 1635
4708.865 replica.leader broker=2 tp=orders/2 epoch=8 => 1636
4708.914 replica.leader broker=2 tp=orders/1 epoch=7 => 1636
7101.702 process.killed broker=3 => 0
7104.003 process.exited broker=3 => 2
8697.818 session.expired broker=3 => 1596
8700.580 controller.elected broker=1 => 1598
8701.806 broker.down broker=3 => 1600
8702.568 isr.shrunk tp=orders/0 old=2,1,3 new=2,1 => 1600
8702.569 isr.shrunk tp=orders/1 old=2,1,3 new=2,1 => 1600
8702.574 isr.shrunk tp=orders/2 old=2,1,3 new=2,1 => 1600
8704.919 replica.leader broker=2 tp=orders/0 epoch=9 => 1603
8705.408 replica.leader broker=2 tp=orders/2 epoch=9 => 1603
8705.454 replica.leader broker=2 tp=orders/1 epoch=8 => 1603
10113.890 process.stopping broker=2 => 0
10115.907 isr.shrunk tp=orders/0 old=2,1 new=1 => 2
10115.923 leader.elected tp=orders/0 old=2 new=1 epoch=10 isr=1 reason=controlled_shutdown => 2
10115.924 isr.shrunk tp=orders/1 old=2,1 new=1 => 2
10115.924 leader.elected tp=orders/1 old=2 new=1 epoch=9 isr=1 reason=controlled_shutdown => 2
10115.925 isr.shrunk tp=orders/2 old=2,1 new=1 => 2
10115.925 leader.elected tp=orders/2 old=2 new=1 epoch=10 isr=1 reason=controlled_shutdown => 2
10118.146 replica.leader broker=1 tp=orders/1 epoch=9 => 4
10118.460 replica.leader broker=1 tp=orders/0 epoch=10 => 4
10118.685 replica.leader broker=1 tp=orders/2 epoch=10 => 4
10119.775 session.closed broker=2 => 5
10120.769 broker.down broker=2 => 6
10122.003 process.stopped broker=2 => 8
12132.242 process.starting broker=2 => 0
12149.028 process.ready broker=2 => 16
12150.144 broker.up broker=2 => 17
12154.503 isr.grown tp=orders/2 old=1 new=1,2 => 22
12154.506 isr.grown tp=orders/0 old=1 new=1,2 => 22
12154.507 isr.grown tp=orders/1 old=1 new=1,2 => 22
12158.804 process.starting broker=3 => 0
12172.168 process.ready broker=3 => 13
12173.862 broker.up broker=3 => 15
12176.986 isr.grown tp=orders/0 old=1,2 new=1,2,3 => 18
12176.988 isr.grown tp=orders/1 old=1,2 new=1,2,3 => 18
12176.988 isr.grown tp=orders/2 old=1,2 new=1,2,3 => 18
13704.555 leader.elected tp=orders/0 old=1 new=2 epoch=11 isr=1,2,3 reason=preferred_leader => -
13706.017 leader.elected tp=orders/1 old=1 new=3 epoch=10 isr=1,2,3 reason=preferred_leader => -
13706.828 replica.leader broker=2 tp=orders/0 epoch=11 => 2
13708.827 replica.leader broker=3 tp=orders/1 epoch=10 => 2
`

// leaderFirst: the leader's word comes before that of the controller, whose times are earlier.
const leaderFirst = `
0      leader.elected    tp=orders/0 old=-1 new=2 epoch=0 isr=2,3,1 reason=new_partition => -
1      leader.elected    tp=orders/1 old=-1 new=3 epoch=0 isr=3,1,2 reason=new_partition => -
100    process.killed    broker=2                                       => 0
2105   replica.leader    broker=3 tp=orders/0 epoch=1                   => 2005
2106   write.first       broker=3 tp=orders/0 epoch=1                   => 2006
2107   replica.leader    broker=3 tp=orders/1 epoch=1                   => 2007
2101   isr.shrunk        tp=orders/0 old=2,3,1 new=3,1                  => 2001
2102   leader.elected    tp=orders/0 old=2 new=3 epoch=1 isr=3,1 reason=leader_offline => 2002
2103   isr.shrunk        tp=orders/1 old=3,1,2 new=3,1                  => 2003
2110   write.first       broker=3 tp=orders/1 epoch=1                   => 2010
`

// leaderFirstAgain: a newer fault explains a leader epoch that is not told of yet, not the election before.
const leaderFirstAgain = `
0      leader.elected    tp=orders/0 old=-1 new=3 epoch=0 isr=3,1,2 reason=new_partition => -
100    process.killed    broker=3                                       => 0
2100   isr.shrunk        tp=orders/0 old=3,1,2 new=1,2                  => 2000
2101   leader.elected    tp=orders/0 old=3 new=1 epoch=1 isr=1,2 reason=leader_offline => 2001
2103   replica.leader    broker=1 tp=orders/0 epoch=1                   => 2003
4650   process.stopping  broker=1                                       => 0
4657   replica.leader    broker=2 tp=orders/0 epoch=2                   => 7
4652   isr.shrunk        tp=orders/0 old=1,2 new=2                      => 2
4653   leader.elected    tp=orders/0 old=1 new=2 epoch=2 isr=2 reason=controlled_shutdown => 3
9000   replica.leader    broker=2 tp=orders/0 epoch=3                   => -
`

// olderEpochLate: two brokers stop, and the word of the epoch between comes after the end of it.
const olderEpochLate = `
0      leader.elected    tp=orders/0 old=-1 new=1 epoch=6 isr=3,1,2     => -
100    process.stopping  broker=3                                       => 0
102    isr.shrunk        tp=orders/0 old=3,1,2 new=1,2                  => 2
140    process.stopping  broker=1                                       => 0
142    isr.shrunk        tp=orders/0 old=1,2 new=2                      => 2
143    leader.elected    tp=orders/0 old=1 new=2 epoch=8 isr=2 reason=controlled_shutdown => 3
139    replica.leader    broker=1 tp=orders/0 epoch=7                   => 39
148    replica.leader    broker=2 tp=orders/0 epoch=8                   => 8
`

// unknownPartition: nothing was told of the partition before, so its epoch is not known either.
const unknownPartition = `
0      process.killed    broker=3                                       => 0
2000   isr.shrunk        tp=orders/0 old=2,1,3 new=2,1                  => 2000
2002   replica.leader    broker=2 tp=orders/0 epoch=9                   => 2002
2003   write.first       broker=2 tp=orders/0 epoch=9                   => 2003
2500   replica.leader    broker=2 tp=other/0 epoch=4                    => -
`

// pausedBefore: what the schedule decides does not follow from a pause that is over.
const pausedBefore = `
0      process.paused    broker=2                                       => 0
500    process.resumed   broker=2                                       => 0
3000   leader.elected    tp=orders/0 old=2 new=1 epoch=4 isr=1,2 reason=preferred_leader => -
3004   replica.leader    broker=1 tp=orders/0 epoch=4                   => 4
`

const crashAfterReturn = `
0      process.killed    broker=2                                       => 0
3      process.exited    broker=2                                       => 3
1000   process.starting  broker=2                                       => 0
1020   broker.up         broker=2                                       => 20
1500   isr.shrunk        tp=orders/0 old=1,2 new=1                      => 1500
3000   isr.shrunk        tp=orders/1 old=1,2 new=1                      => -
5000   process.exited    broker=2                                       => 0
7000   isr.shrunk        tp=orders/2 old=1,2 new=1                      => 2000
`

// secondLife: the cluster ended and begins again; its brokers lead the epochs that they led.
const secondLife = `
0      controller.elected broker=2                                      => -
1      leader.elected    tp=orders/0 old=1 new=2 epoch=3 isr=2          => -
100    process.stopping  broker=2                                       => 0
200    cluster.starting                                                 => -
201    process.starting  broker=2                                       => 0
240    controller.elected broker=2                                      => -
245    replica.leader    broker=2 tp=orders/0 epoch=3                   => 44
260    write.first       broker=2 tp=orders/0 epoch=3                   => 59
270    isr.shrunk        tp=orders/1 old=1,2 new=1                      => -
`

// followerTruncates: after an election with those who followed the old leader, after a start with the one who started.
const followerTruncates = `
0      process.starting  broker=3                                       => 0
5000   process.killed    broker=1                                       => 0
7000   leader.elected    tp=orders/0 old=1 new=2 epoch=3 isr=2,3 reason=leader_offline => 2000
7005   replica.truncated broker=3 tp=orders/0 from=9 to=8               => 2005
9000   process.starting  broker=1                                       => 0
9050   replica.truncated broker=1 tp=orders/0 from=9 to=8               => 50
`
