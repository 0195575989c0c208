# Win rate over steps: thin lines are seeds (20-step means), thick lines the mean of three seeds.
set terminal pngcairo size 1000,600 font "DejaVu Sans,11"
set output folder.'/staleness.png'
set title "Workers four versions behind: what the importance correction is for"
set xlabel "optimizer step"
set ylabel "games won [%], 20-step mean"
set yrange [0:100]
set key top left
set grid lc rgb "#dddddd"
file(name, seed) = folder.'/'.name.'-'.seed.'.tsv'
window(name, seed) = "<awk '{ s += $2; v[NR] = $2; if (NR > 20) s -= v[NR - 20]; print $1, 100 * s / (NR < 20 ? NR : 20) }' ".file(name, seed)
average(name) = "<paste ".file(name, 0)." ".file(name, 1)." ".file(name, 2). \
    " | awk '{ x = ($2 + $5 + $8) / 3; s += x; v[NR] = x; if (NR > 20) s -= v[NR - 20]; print $1, 100 * s / (NR < 20 ? NR : 20) }'"
plot for [seed = 0:2] window('truncated', seed) using 1:2 with lines lw 0.5 lc rgb "#99bbdd" notitle, \
     for [seed = 0:2] window('clipped', seed) using 1:2 with lines lw 0.5 lc rgb "#99ccaa" notitle, \
     for [seed = 0:2] window('off', seed) using 1:2 with lines lw 0.5 lc rgb "#ddaa99" notitle, \
     average('truncated') using 1:2 with lines lw 3 lc rgb "#2255aa" title "truncated: min(ratio, 2)", \
     average('clipped') using 1:2 with lines lw 3 lc rgb "#228844" title "clipped: PPO, 0.2", \
     average('off') using 1:2 with lines lw 3 lc rgb "#aa4422" title "off"
