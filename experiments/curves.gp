# One run at a glance: learning, what changed, what was shipped. folder: where the tables are.
set terminal pngcairo size 1200,900 font "DejaVu Sans,11"
set output folder.'/curves.png'
set multiplot layout 2,2 title "dws: a tiny policy learns Wordle through a bucket" font ",14"
set grid lc rgb "#dddddd"
set xlabel "time since start [s]"
steps = folder.'/steps.tsv'
versions = folder.'/versions.tsv'

set title "Win rate of training games (sampled)"
set key bottom right
set ylabel "games won [%]"
set yrange [0:100]
plot steps using 1:($4*100) with points pt 7 ps 0.3 lc rgb "#bbccee" title "each step", \
     steps using 1:($4*100) smooth bezier lw 3 lc rgb "#2255aa" title "smoothed"

set title "Reward of training games"
set ylabel "mean reward per game [of at most 2.2]"
set yrange [0:*]
plot steps using 1:3 with points pt 7 ps 0.3 lc rgb "#eeccbb" title "each step", \
     steps using 1:3 smooth bezier lw 3 lc rgb "#aa4422" title "smoothed"

set title "Weights that changed from version to version"
set ylabel "changed words [%]"
plot versions using ($2>0?$1:NaN):($4*100) with lines lw 1.5 lc rgb "#228844" notitle

set title "Bytes of a version in the bucket"
set ylabel "size [kB]"
set logscale y
set yrange [1:1000]
set key at graph 0.97, graph 0.72
plot versions using 1:($6/1e3) with lines lw 2 dt 2 lc rgb "#888888" title "all weights", \
     versions using ($2>0?$1:NaN):($5/1e3) with lines lw 1.5 lc rgb "#884488" title "the delta shipped"
unset multiplot
