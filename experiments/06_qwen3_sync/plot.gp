# The share of weights that change and what they take, step by step, and one sync phase by phase.
# folder: where the tables are.
set datafile separator "\t"
set grid xtics ytics lt 1 lc rgb "#dddddd"
set terminal pngcairo size 1000,600 font "DejaVu Sans,11" noenhanced
steps(rate) = folder.'/steps-'.rate.'.tsv'

set output folder.'/changed.png'
set title "Weights that a step changes"
set xlabel "optimizer step"
set ylabel "changed weights [%]"
set logscale y
set key outside right top
plot steps('1e-6') using 2:3 skip 1 with lines lw 3 lc rgb "#2255aa" title "all, lr 1e-6", \
     '' using 2:4 skip 1 with lines lw 1.5 lc rgb "#aa7722" title "embedding", \
     '' using 2:5 skip 1 with lines lw 1.5 lc rgb "#aa4422" title "attention", \
     '' using 2:6 skip 1 with lines lw 1.5 lc rgb "#228844" title "MLP", \
     '' using 2:($7 > 0 ? $7 : NaN) skip 1 with lines lw 1.5 lc rgb "#884488" title "norms", \
     steps('3e-6') using 2:3 skip 1 with lines lw 3 dt 2 lc rgb "#2255aa" title "all, lr 3e-6"

set output folder.'/payload.png'
set title "Bytes of a version, lr 1e-6"
set ylabel "file size [MB]"
plot steps('1e-6') using 2:13 skip 1 with lines lw 2 dt 2 lc rgb "#888888" title "all weights", \
     '' using 2:8 skip 1 with lines lw 1.5 lc rgb "#aa4422" title "raw, as published", \
     '' using 2:9 skip 1 with lines lw 1.5 lc rgb "#aa7722" title "gap_delta", \
     '' using 2:10 skip 1 with lines lw 1.5 lc rgb "#6699dd" title "F", \
     '' using 2:11 skip 1 with lines lw 1.5 lc rgb "#228844" title "X", \
     '' using 2:12 skip 1 with lines lw 3 lc rgb "#2255aa" title "shipped (auto)"
unset logscale

# A bar per phase. Generation goes on beside all of them but the red one.
set output folder.'/timeline.png'
set terminal pngcairo size 1000,800 font "DejaVu Sans,11" noenhanced
phases(format) = folder.'/timeline-'.format.'.tsv'
set multiplot layout 3,1 title "One sync on one machine, the trainer idle: blue beside generation, red instead of it"
set style fill solid noborder
set yrange [8:-1]
set ytics ("encode" 0, "upload" 1, "notify" 2, "download" 3, "decode" 4, "verify" 5, "wait" 6, "pause" 7)
unset key
set xlabel "ms since the version was decided"
unset ylabel
do for [format in "ours raw dense"] {
    set title format eq "ours" ? "ours" : format eq "raw" ? "the published format" : "whole weights"
    set xrange [0:*]
    plot phases(format) using 2:0:2:3:($0 - 0.4):($0 + 0.4) skip 1 with boxxyerror lc rgb "#6699dd", \
         '' using ($4 == 1 ? $2 : NaN):0:2:3:($0 - 0.4):($0 + 0.4) skip 1 with boxxyerror lc rgb "#cc2222"
}
unset multiplot
