# Requests and their latencies over the number of games; latencies over the number of followers.
# folder: where the tables are.
set datafile separator "\t"
set grid ytics lt 1 lc rgb "#dddddd"
of(file, label) = "< awk -F '\\t' '!/^#/ && $1 == \"".label."\"' ".folder.'/'.file.'.tsv'

do for [picture in "png svg"] {
    if (picture eq "png") {
        set terminal pngcairo size 1100,520 font "DejaVu Sans,11" noenhanced
    } else {
        set terminal svg size 1100,520 font "DejaVu Sans,11" noenhanced background "white"
    }
    set output folder.'/load.'.picture
    set multiplot layout 1,2
    set bmargin 7

    set title "Games on one environment: time to a reply"
    set style data histograms
    set style histogram clustered gap 1
    set style fill solid noborder
    set boxwidth 0.9
    set logscale y
    set yrange [0.05:500]
    set ytics (0.1, 1, 10, 100)
    set ylabel "time to a reply [ms]"
    set xlabel "games at once"
    set key outside bottom center horizontal maxrows 2
    plot of('sessions', 'thinking') using 6:xtic(2) lc rgb "#99bbee" title "thinking 250 ms: p50", \
         of('sessions', 'thinking') using 7 lc rgb "#2255aa" title "p99", \
         of('sessions', 'flat_out') using 6 lc rgb "#eebb99" title "no thinking: p50", \
         of('sessions', 'flat_out') using 7 lc rgb "#aa4422" title "p99"

    set title "Followers of one run: from publish to commit"
    set style data linespoints
    set logscale xy
    set xrange [0.8:130]
    set yrange [1:3000]
    set xtics (1, 10, 100)
    set ytics (1, 3, 10, 30, 100, 300, 1000, 3000)
    set ylabel "publish to commit [ms]"
    set xlabel "followers on this machine"
    plot of('followers', 'folder') using 2:6 lw 2 pt 7 lc rgb "#99bbee" title "folder: p50", \
         of('followers', 'folder') using 2:7 lw 2 pt 7 lc rgb "#2255aa" title "p99", \
         of('followers', 's3') using 2:6 lw 2 pt 5 lc rgb "#eebb99" title "S3 server: p50", \
         of('followers', 's3') using 2:7 lw 2 pt 5 lc rgb "#aa4422" title "p99"
    unset multiplot
    unset logscale
    set xrange [*:*]
    set xtics autofreq
}
