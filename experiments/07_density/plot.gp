# Changed weights by learning rate and by magnitude, beside the theory. folder: where the tables are.
set datafile separator "\t"
set grid xtics ytics lt 1 lc rgb "#dddddd"
set terminal pngcairo size 1200,600 font "DejaVu Sans,11" noenhanced
set output folder.'/density.png'
of_steps(steps) = "< awk -F '\\t' '$2 == ".steps."' ".folder.'/density.tsv'
of_rate(rate) = "< awk -F '\\t' '$1 == \"".rate."\"' ".folder.'/exponents.tsv'
set multiplot layout 1,2 title "Weights that differ between two versions: points measured, lines by rounding alone"
set logscale y

set title "By learning rate"
set logscale x
set format x "%g"
set xlabel "learning rate"
set ylabel "changed weights [%]"
set xrange [1e-7:1e-4]
set yrange [0.01:100]
set key bottom right
plot of_steps(1) using 1:3 with points pt 7 ps 1.2 lc rgb "#2255aa" title "1 step", \
     '' using 1:4 with lines lw 2 lc rgb "#2255aa" title "1 step, |update| / ulp", \
     '' using 1:5 with lines lw 1.5 dt 2 lc rgb "#888888" title "1 step, |update| past half an ulp", \
     of_steps(4) using 1:3 with points pt 7 ps 1.2 lc rgb "#228844" title "4 steps", \
     '' using 1:4 with lines lw 2 lc rgb "#228844" notitle, \
     of_steps(16) using 1:3 with points pt 7 ps 1.2 lc rgb "#aa4422" title "16 steps", \
     '' using 1:4 with lines lw 2 lc rgb "#aa4422" notitle

set title "By magnitude, one step"
unset logscale x
set xrange [-22:0]
set xlabel "exponent of the weight (base 2)"
set ylabel "chance of a change [%]"
set yrange [0.001:100]
set key bottom left
rates = "1e-7 1e-6 1e-5 1e-4"
array colors[4] = [0x884488, 0x2255aa, 0x228844, 0xaa4422]
plot for [i = 1:4] of_rate(word(rates, i)) using 2:4 with points pt 7 ps 0.8 lc rgb colors[i] \
         title "lr ".word(rates, i), \
     for [i = 1:4] of_rate(word(rates, i)) using 2:5 with lines lw 1.5 lc rgb colors[i] notitle
unset multiplot
