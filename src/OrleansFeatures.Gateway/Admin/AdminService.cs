using Grpc.Core;
using OrleansFeatures.Entities;
using OrleansFeatures.Gateway.Ingest;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Admin;

/// <summary>What operators ask, over gRPC.</summary>
public sealed class AdminService(IEntityHost host, Quarantine quarantine, LateOutput late) : V1.AdminService.AdminServiceBase
{
    public override Task<GetStatusResponse> GetStatus(GetStatusRequest request, ServerCallContext context)
    {
        HostStatus status = host.Status();
        var response = new GetStatusResponse { LogBytes = (ulong)status.LogBytes };

        // A partition's offsets count from zero; the wire's numbers are how many records, so one more.
        response.Partitions.AddRange(status.Partitions.Select(partition => new PartitionStatus
        {
            Partition = (uint)partition.Partition,
            DurableOffset = (ulong)(partition.DurableOffset + 1),
            AppliedOffset = (ulong)(partition.AppliedOffset + 1),
            Entities = (ulong)partition.Entities,
            Events = (ulong)partition.Events,
        }));
        response.Streams.AddRange(status.Streams.Select(stream => new StreamStatus
        {
            Stream = stream.Stream,
            StreamTimeMicros = stream.StreamTimeMicros,
            Accepted = (ulong)stream.Accepted,
            Duplicates = (ulong)stream.Duplicates,
            Late = (ulong)stream.Late,
            Quarantined = (ulong)quarantine.Count(stream.Stream),
            LateKept = (ulong)late.Count(stream.Stream),
        }));
        return Task.FromResult(response);
    }

    public override Task<ListQuarantineResponse> ListQuarantine(ListQuarantineRequest request, ServerCallContext context)
    {
        int limit = LimitOf(request.Limit);
        string? stream = request.Stream.Length == 0 ? null : request.Stream;
        var response = new ListQuarantineResponse { Total = (ulong)quarantine.Count(stream) };
        response.Events.AddRange(quarantine.List(stream, limit).Select(refused => new QuarantinedEvent
        {
            Id = (ulong)refused.Id,
            Stream = refused.Stream,
            ArrivedMicros = refused.ArrivalMicros,
            Field = refused.Field,
            Reason = refused.Reason,
            Fix = refused.Fix,
            EventJson = refused.Json,
        }));
        return Task.FromResult(response);
    }

    public override Task<ListLateResponse> ListLate(ListLateRequest request, ServerCallContext context)
    {
        int limit = LimitOf(request.Limit);
        string? stream = request.Stream.Length == 0 ? null : request.Stream;
        var response = new ListLateResponse { Total = (ulong)late.Count(stream) };
        foreach (LateArrival arrival in late.List(stream, limit))
        {
            var listed = new LateEvent
            {
                Id = (ulong)arrival.Id,
                Stream = arrival.Stream,
                ArrivedMicros = arrival.ArrivalMicros,
                EventTimeMicros = arrival.EventTimeMicros,
                StreamTimeMicros = arrival.StreamTimeMicros,
                EventJson = arrival.Json,
            };
            listed.Views.AddRange(arrival.Views.Select(view => new LateView { View = view.View, AllowedLatenessMicros = view.AllowedMicros }));
            response.Events.Add(listed);
        }

        return Task.FromResult(response);
    }

    private static int LimitOf(uint asked) => asked switch
    {
        0 => Limits.QuarantineListDefault,
        <= Limits.QuarantineListMax => (int)asked,
        _ => throw Refuse.Argument("limit", $"{asked} is too many", $"ask for at most {Limits.QuarantineListMax}"),
    };
}
