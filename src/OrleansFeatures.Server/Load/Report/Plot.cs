using System.Globalization;
using System.Net;
using System.Text;

namespace OrleansFeatures.Server.Load.Report;

/// <summary>One line of a plot.</summary>
/// <param name="Name">In the legend.</param>
/// <param name="Style">The class that its colour is given by.</param>
/// <param name="Points">Ascending in x. Points outside of the axes are drawn at their edge.</param>
internal sealed record PlotLine(string Name, string Style, IReadOnlyList<(double X, double Y)> Points);

/// <summary>One axis: its range, on a linear scale, and what stands at which place. The label is shown below the horizontal one.</summary>
internal sealed record PlotAxis(string Label, double From, double To, IReadOnlyList<(double At, string Text)> Ticks)
{
    /// <summary>From zero, with some four round steps.</summary>
    public static PlotAxis Linear(string label, double to)
    {
        double step = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(to, 1e-9) / 4)));
        step *= (to / 4 / step) switch { < 1.5 => 1, < 3.5 => 2, < 7.5 => 5, _ => 10 };
        double end = Math.Max(step, Math.Ceiling(to / step) * step);
        return new PlotAxis(label, 0, end, [.. Enumerable.Range(0, (int)Math.Round(end / step) + 1).Select(at => (at * step, (at * step).ToString("N0", CultureInfo.InvariantCulture)))]);
    }

    /// <summary>Milliseconds by their decimal logarithm, whole powers of ten at both ends.</summary>
    public static PlotAxis LogMilliseconds(double lowest, double highest)
    {
        int from = (int)Math.Floor(Math.Log10(Math.Max(lowest, 0.001)));
        int to = Math.Max(from + 1, (int)Math.Ceiling(Math.Log10(Math.Max(highest, 0.001))));
        return new PlotAxis("", from, to, [.. Enumerable.Range(from, to - from + 1).Select(power => ((double)power, PowerText(power)))]);
    }

    private static string PowerText(int power) => power switch
    {
        >= 3 => $"{Math.Pow(10, power - 3):0} s",
        >= 0 => $"{Math.Pow(10, power):0} ms",
        _ => $"{Math.Pow(10, power + 3):0} us",
    };
}

/// <summary>A plot of lines as SVG that a page holds in itself: axes, grid, lines, legend. Colours come from the page's style.</summary>
internal static class Plot
{
    private const double Width = 420;
    private const double Height = 240;
    private const double Left = 52;
    private const double Right = 16;
    private const double Top = 30;
    private const double Bottom = 40;

    public static string Svg(string title, PlotAxis x, PlotAxis y, params PlotLine[] lines)
    {
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(title)}\">");
        Axes(svg, x, y);
        foreach (PlotLine line in lines.Where(line => line.Points.Count > 0))
        {
            IEnumerable<string> points = line.Points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{Across(x, point.X):F1},{Up(y, point.Y):F1}"));
            svg.Append($"<polyline class=\"line {line.Style}\" points=\"{string.Join(' ', points)}\"/>");
        }

        Legend(svg, lines);
        return svg.Append("</svg>").ToString();
    }

    private static void Axes(StringBuilder svg, PlotAxis x, PlotAxis y)
    {
        foreach ((double at, string text) in y.Ticks)
        {
            double up = Up(y, at);
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{up:F1}\" y2=\"{up:F1}\"/>");
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"tick\" x=\"{Left - 6}\" y=\"{up + 4:F1}\" text-anchor=\"end\">{WebUtility.HtmlEncode(text)}</text>");
        }

        foreach ((double at, string text) in x.Ticks)
        {
            double across = Across(x, at);
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{across:F1}\" x2=\"{across:F1}\" y1=\"{Top}\" y2=\"{Height - Bottom}\"/>");
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"tick\" x=\"{across:F1}\" y=\"{Height - Bottom + 16}\" text-anchor=\"middle\">{WebUtility.HtmlEncode(text)}</text>");
        }

        svg.Append(CultureInfo.InvariantCulture, $"<text class=\"tick\" x=\"{(Left + Width - Right) / 2:F0}\" y=\"{Height - 6}\" text-anchor=\"middle\">{WebUtility.HtmlEncode(x.Label)}</text>");
    }

    private static void Legend(StringBuilder svg, PlotLine[] lines)
    {
        double from = Left;
        foreach (PlotLine line in lines)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"line {line.Style}\" x1=\"{from:F0}\" x2=\"{from + 22:F0}\" y1=\"{Top - 16}\" y2=\"{Top - 16}\"/>");
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"tick\" x=\"{from + 28:F0}\" y=\"{Top - 12}\">{WebUtility.HtmlEncode(line.Name)}</text>");
            from += 52 + (6.2 * line.Name.Length);
        }
    }

    private static double Across(PlotAxis axis, double value) => Left + (Share(axis, value) * (Width - Left - Right));

    private static double Up(PlotAxis axis, double value) => Height - Bottom - (Share(axis, value) * (Height - Top - Bottom));

    private static double Share(PlotAxis axis, double value) => Math.Clamp((value - axis.From) / (axis.To - axis.From), 0, 1);
}
