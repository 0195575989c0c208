# Bytes per change over density, and times at two densities. folder: where the tables are.
set datafile separator "\t"
set grid xtics ytics lt 1 lc rgb "#dddddd"
formats = "'compact X' 'compact F' 'raw' 'gap_delta' 'gap_delta+zstd' 'xor+zstd' 'gap+xor+zstd'"
array colors[7] = [0x2255aa, 0x6699dd, 0x888888, 0xccaa44, 0xaa7722, 0xaa4422, 0x228844]
of_format(file, name) = "< awk -F '\\t' '$2 == \"".name."\"' ".folder.'/'.file.'.tsv'
of_step(name) = "< awk -F '\\t' '$1 == \"".name."\" && $2 != \"compact auto\"' ".folder.'/formats.tsv'

do for [picture in "png svg"] {
    if (picture eq "png") {
        set terminal pngcairo size 1000,600 font "DejaVu Sans,11" noenhanced
    } else {
        set terminal svg size 1000,600 font "DejaVu Sans,11" noenhanced background "white"
    }

    set output folder.'/bytes_per_change.'.picture
    set title "Simulated optimizer steps: what one changed weight costs on the wire"
    set xlabel "changed words [%]"
    set ylabel "bytes per changed word"
    set logscale xy
    set xrange [0.08:15]
    set yrange [0.4:8]
    set ytics (0.4, 0.5, 0.7, 1, 1.5, 2, 3, 4, 6, 8)
    set xtics (0.1, 0.2, 0.5, 1, 2, 5, 10)
    set key outside right top
    plot for [i = 1:words(formats)] of_format('sweep', word(formats, i)) using 3:4 \
        with linespoints lw (i <= 2 ? 3 : 1.5) pt 7 ps 0.6 lc rgb colors[i] title word(formats, i)
    unset logscale
    set xrange [*:*]
    set ytics autofreq

    set output folder.'/times.'.picture
    set multiplot layout 1,2 title "Simulated optimizer steps: time of one thread, in copies of the weights"
    unset xlabel
    set xtics autofreq rotate by -40
    set offsets 0, 0, graph 0.1, 0
    set style data histograms
    set style histogram clustered gap 1
    set style fill solid noborder
    set boxwidth 0.9
    set yrange [0:*]
    set key inside left top
    set ylabel "times a memcpy of the model"
    set title "Detect and encode"
    plot of_step('A1@240') using 6:xtic(2) lc rgb "#2255aa" title "0.9 % changed", \
         of_step('A3@60') using 6 lc rgb "#aa4422" title "2.3 % changed"
    set title "Decode and write"
    plot of_step('A1@240') using 9:xtic(2) lc rgb "#2255aa" notitle, \
         of_step('A3@60') using 9 lc rgb "#aa4422" notitle
    unset multiplot
    unset offsets
    set xtics norotate
}
