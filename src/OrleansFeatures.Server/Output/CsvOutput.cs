using System.Buffers;
using System.Globalization;

namespace OrleansFeatures.Server.Output;

/// <summary>Writes csv (RFC 4180, line feeds) to a stream, a row at a time, quoting only where it must. UTF-8 in, UTF-8 out.</summary>
internal sealed class CsvOutput(Stream stream) : IAsyncDisposable
{
    private const int FlushBytes = 64 * 1024;
    private static readonly SearchValues<byte> NeedQuotes = SearchValues.Create(",\"\r\n"u8);

    private readonly ArrayBufferWriter<byte> _buffer = new(FlushBytes * 2);
    private bool _rowBegun;

    public void Text(ReadOnlySpan<byte> text)
    {
        Separate();
        if (text.IndexOfAny(NeedQuotes) < 0)
        {
            _buffer.Write(text);
            return;
        }

        _buffer.Write("\""u8);
        for (int quote; (quote = text.IndexOf((byte)'"')) >= 0; text = text[(quote + 1)..])
        {
            _buffer.Write(text[..(quote + 1)]);
            _buffer.Write("\""u8);
        }

        _buffer.Write(text);
        _buffer.Write("\""u8);
    }

    public void Text(string text) => Text(System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>An empty cell.</summary>
    public void Null() => Separate();

    public void Number(long number)
    {
        Separate();
        Append(number);
    }

    /// <summary>The shortest text that reads back as the same double.</summary>
    public void Number(double number)
    {
        Separate();
        Append(number);
    }

    /// <summary>Ends the row. The stream is written to when enough has gathered.</summary>
    public ValueTask EndRowAsync(CancellationToken cancellationToken)
    {
        _buffer.Write("\n"u8);
        _rowBegun = false;
        return _buffer.WrittenCount >= FlushBytes ? FlushAsync(cancellationToken) : default;
    }

    public async ValueTask DisposeAsync()
    {
        await FlushAsync(CancellationToken.None).ConfigureAwait(false);
        await stream.DisposeAsync().ConfigureAwait(false);
    }

    private async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        await stream.WriteAsync(_buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        _buffer.ResetWrittenCount();
    }

    private void Separate()
    {
        if (_rowBegun)
        {
            _buffer.Write(","u8);
        }

        _rowBegun = true;
    }

    private void Append<T>(T number)
        where T : IUtf8SpanFormattable
    {
        Span<byte> text = _buffer.GetSpan(64);
        number.TryFormat(text, out int written, default, CultureInfo.InvariantCulture);
        _buffer.Advance(written);
    }
}
