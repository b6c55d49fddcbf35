using System.Globalization;

namespace OrleansFeatures.Gateway.Hosting;

/// <summary>
/// How many connections there may be, and how long each may stay without a purpose. Whoever connects and says nothing, or half of something, costs a little memory and a
/// file; both are bounded, and the files that the log needs are never among them.
/// </summary>
public sealed record ConnectionLimits
{
    /// <summary>At once, over both listeners; the next one is closed as soon as it is accepted. Default <see cref="Limits.ConnectionsMax"/>, or less where the system allows few open files.</summary>
    public int Connections { get; init; } = Limits.ConnectionsMax;

    /// <summary>Calls at once on one connection, which its client is told. Default <see cref="Limits.CallsPerConnectionMax"/>.</summary>
    public int Calls { get; init; } = Limits.CallsPerConnectionMax;

    /// <summary>From the connection to its first words.</summary>
    public TimeSpan Greeting { get; init; } = Limits.GreetingMax;

    /// <summary>From the first byte of a request to the end of its headers.</summary>
    public TimeSpan RequestHeaders { get; init; } = Limits.RequestHeadersMax;

    /// <summary>Without a call.</summary>
    public TimeSpan Idle { get; init; } = Limits.IdleConnectionMax;

    /// <summary>Silence after which an HTTP/2 connection is asked whether it is still there.</summary>
    public TimeSpan PingAfter { get; init; } = Limits.PingAfter;

    /// <summary>What it is given to answer.</summary>
    public TimeSpan PingAnswer { get; init; } = Limits.PingAnswerMax;

    /// <summary>The defaults, with as many connections as this process may open files and still have some for itself.</summary>
    public static ConnectionLimits OfThisProcess() => new() { Connections = Math.Min(Limits.ConnectionsMax, ForConnections(OpenFilesMax())) };

    /// <summary>Where files are scarce, connections get a quarter of them: the runtime alone, with its libraries, has some 250 open.</summary>
    public static int ForConnections(long files) => (int)Math.Clamp(Math.Max(files - Limits.FilesReserved, files / 4), 1, int.MaxValue);

    /// <summary>The hard limit, because the runtime raises the soft one to it at start. Where there is none to read, nothing is known to be scarce.</summary>
    private static long OpenFilesMax()
    {
        const string Source = "/proc/self/limits";
        const string Line = "Max open files";
        string? line = File.Exists(Source) ? File.ReadLines(Source).FirstOrDefault(text => text.StartsWith(Line, StringComparison.Ordinal)) : null;
        string[] words = line?[Line.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return words.Length > 1 && long.TryParse(words[1], CultureInfo.InvariantCulture, out long hard) ? hard : long.MaxValue;
    }
}
