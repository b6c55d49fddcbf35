using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace OrleansFeatures.Gateway.Hosting;

/// <summary>
/// Lets a connection through to HTTP once it has said its first words, and closes it if they do not come: until then it has no reader, no writer and no
/// tables of headers, only a socket that waits. The bytes stay where they are for HTTP to read.
/// </summary>
internal sealed class Greeting(int bytes, TimeSpan within)
{
    public ConnectionDelegate Before(ConnectionDelegate next) => async connection =>
    {
        // Returning closes the connection.
        if (await CameAsync(connection).ConfigureAwait(false))
        {
            await next(connection).ConfigureAwait(false);
        }
    };

    private async ValueTask<bool> CameAsync(ConnectionContext connection)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        patience.CancelAfter(within);
        PipeReader input = connection.Transport.Input;
        try
        {
            while (true)
            {
                ReadResult read = await input.ReadAsync(patience.Token).ConfigureAwait(false);
                bool came = read.Buffer.Length >= bytes;

                // Looked at to its end, the pipe waits for more; looked at not at all, it gives the same bytes again.
                input.AdvanceTo(read.Buffer.Start, came ? read.Buffer.Start : read.Buffer.End);
                if (came || read.IsCompleted)
                {
                    return came;
                }
            }
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            return false; // Too late, or the client is gone; a client that has said nothing needs no answer.
        }
    }
}
