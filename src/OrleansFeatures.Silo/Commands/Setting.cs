using System.CommandLine;
using System.Globalization;
using System.Net;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Server;
using OrleansFeatures.Server.Output;

namespace OrleansFeatures.Silo.Commands;

/// <summary>One thing a silo is told: by an option, or by an environment variable where the option is not given. An empty variable is none, because that is what templates leave behind.</summary>
internal sealed class Setting
{
    private readonly string[] _variables;

    /// <param name="option">As typed; null for what only the environment says.</param>
    /// <param name="helpName">What stands for the value in the help.</param>
    /// <param name="description">For the help; the variables are named behind it.</param>
    /// <param name="variables">The first that is set counts.</param>
    public Setting(string option, string helpName, string description, params string[] variables)
    {
        _variables = variables;
        Option = new Option<string?>(option) { HelpName = helpName, Description = $"{description} [{string.Join(", ", variables)}]" };
    }

    public Option<string?> Option { get; }

    /// <summary>What was said, and where; null when nothing was.</summary>
    public Given? In(ParseResult parsed, Func<string, string?> environment)
    {
        if (parsed.GetValue(Option) is { } typed)
        {
            return new Given($"{Option.Name} {typed}", typed);
        }

        foreach (string variable in _variables)
        {
            if (environment(variable) is { Length: > 0 } text)
            {
                return new Given($"{variable}={text}", text);
            }
        }

        return null;
    }

    /// <exception cref="CommandFailure">Nobody said it.</exception>
    public string Required(ParseResult parsed, Func<string, string?> environment) => In(parsed, environment)?.Text
        ?? throw CommandFailure.Usage($"{_variables[0]} is not set: set it, or give {Option.Name} {Option.HelpName}");
}

/// <summary>What was said of a setting, and how it reads where it was said.</summary>
internal readonly record struct Given(string Place, string Text)
{
    public int Port(int least) => int.TryParse(Text, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port >= least && port <= ushort.MaxValue
        ? port
        : throw Expected($"a port, {least} to {ushort.MaxValue}");

    public int Count(int most) => int.TryParse(Text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count >= 1 && count <= most
        ? count
        : throw Expected($"a number, 1 to {most}");

    public IPAddress Address() => IPAddress.TryParse(Text, out IPAddress? address) ? address : throw Expected("an IP address, as 127.0.0.1 or 0.0.0.0");

    public TimeSpan Time(TimeSpan least) => Duration.TryParse(Text, out Duration duration) && duration.Micros >= (long)least.TotalMicroseconds
        ? TimeSpan.FromMicroseconds(duration.Micros)
        : throw Expected($"a duration of at least {new Duration((long)least.TotalMicroseconds)}, as 500ms, 30s or 5m");

    public long Bytes(ulong least) => ByteSize.TryParse(Text, out long bytes) && bytes >= (long)least
        ? bytes
        : throw Expected($"an amount of memory of at least {ByteSize.Text(least)}, as 4GB, 512MB, or bytes");

    public string Name() => Text.Length <= 100 && Text.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_.:".Contains(letter, StringComparison.Ordinal))
        ? Text
        : throw Expected("a name of at most 100 letters, digits, and - _ . :");

    public bool Switch() => Text.ToUpperInvariant() switch
    {
        "ON" or "TRUE" => true,
        "OFF" or "FALSE" => false,
        _ => throw Expected("on or off"),
    };

    public T OneOf<T>() where T : struct, Enum => Enum.TryParse(Text, ignoreCase: true, out T value) && Enum.IsDefined(value) && !char.IsAsciiDigit(Text[0])
        ? value
        : throw Expected($"one of {string.Join(", ", Enum.GetNames<T>())}");

    private CommandFailure Expected(string what) => CommandFailure.Usage($"{Place}: expected {what}");
}
