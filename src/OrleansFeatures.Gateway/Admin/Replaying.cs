using Grpc.Core;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Log;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Admin;

/// <summary>Rebuilds all state for an operator, who hears how far it is and at the end where it began.</summary>
public sealed class Replaying(IEntityHost host, ServerLife life)
{
    public async Task AnswerAsync(ReplayRequest request, IServerStreamWriter<ReplayResponse> responses, CancellationToken cancellationToken)
    {
        LogSequence from = StartOf(request);
        long records = await ProgressStream.RunAsync<ReplayResponse, long>(
            async (tell, either) => await host.ReplayAsync(from, new Reports(tell), either).ConfigureAwait(false), responses, life, cancellationToken).ConfigureAwait(false);
        var last = new ReplayResponse { Complete = true, FirstSequence = (ulong)from.Value, RecordsReplayed = (ulong)records, LogRecordsRead = (ulong)records, LogRecordsTotal = (ulong)records };
        await responses.WriteAsync(last, cancellationToken).ConfigureAwait(false);
    }

    private LogSequence StartOf(ReplayRequest request)
    {
        HostStatus status = host.Status();
        switch (request.FromCase)
        {
            case ReplayRequest.FromOneofCase.WrittenMicros:
                return host.FirstWrittenSince(new EventTime(request.WrittenMicros));
            case ReplayRequest.FromOneofCase.Sequence:
                long sequence = request.Sequence <= long.MaxValue ? (long)request.Sequence : long.MaxValue;
                return sequence >= status.FirstSequence && sequence <= status.DurableSequence + 1
                    ? new LogSequence(sequence)
                    : throw Refuse.Argument("sequence", $"the log holds {status.FirstSequence} to {status.DurableSequence}, not {request.Sequence}", "give one of these, or leave it out for the whole log");
            default:
                return new LogSequence(status.FirstSequence);
        }
    }

    private sealed class Reports(Action<ReplayResponse> tell) : IProgress<HistoryProgress>
    {
        public void Report(HistoryProgress value) => tell(new ReplayResponse { LogRecordsRead = (ulong)value.RecordsRead, LogRecordsTotal = (ulong)value.RecordsTotal });
    }
}
