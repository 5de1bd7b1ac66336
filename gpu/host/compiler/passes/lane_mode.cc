// Lane mode. Each lane of the running group has a state: the region it is to run next, or that it
// waits for the block, or that it has returned. One block runs as
//
//   sweep:       for each group of lanes:
//   group.begin:   fetch the lanes' states and values; who waited for the block goes on
//   pick:          the smallest region that a lane is at; none: group.end
//   before.r:        for each lane: if (state == r) <copy of region r>   -- vectorised under a mask
//                  back to pick
//   group.end:     put the states and values away
//   sweep.end:   another sweep if some lane of the block still has something to run
//
// Because regions are numbered so that those in a loop come before those after it, picking the
// smallest lets lanes that fell behind catch up: lanes meet again where control flow joins. A lane
// that waits at a barrier of the block is passed over until every lane of the block waits or has
// returned; as on a GPU, threads that have returned are not waited for.
//
// Values live at warp barriers only are kept for one group; what is live at a barrier of the block
// is kept for all its threads.

#include "gpu/host/compiler/passes/lane_mode.h"

#include "gpu/host/compiler/passes/per_thread_array.h"
#include "gpu/host/compiler/passes/region_copy.h"

namespace amdgpu::hostcc {
namespace {

using llvm::BasicBlock;
using llvm::IRBuilder;
using llvm::Value;
using Kind = LiveValue::Kind;

// States. A smaller number is picked first, so both kinds of lane that cannot run are large.
constexpr std::uint32_t kWaitsForBlock = 0x10000;  // plus the region it goes on with
constexpr std::uint32_t kReturned = 0xffffffff;

class LaneModeEmitter {
 public:
  LaneModeEmitter(KernelCore& core, RegionSplit& split, unsigned lanes, unsigned vector_lanes)
      : core_(core),
        split_(split),
        context_(core.context()),
        i32_(llvm::Type::getInt32Ty(context_)),
        lanes_(lanes),
        vector_lanes_(vector_lanes),
        has_block_barriers_(llvm::any_of(
            split.barriers, [](const Barrier& barrier) { return !barrier.is_warp; })) {}

  void emit() {
    allocateStorage();
    for (unsigned r = 0; r < split_.roots.size(); ++r) before_.push_back(newBlock("before"));
    group_begin_ = newBlock("group.begin");
    pick_ = newBlock("pick");
    group_end_ = newBlock("group.end");
    emitBlockStart();
    emitGroupBegin();
    emitPick();
    emitGroupEnd();
    for (unsigned r = 0; r < split_.roots.size(); ++r) emitRegion(r);
    eraseSplitCode(split_);
  }

 private:
  struct Storage {
    PerThreadArray group;  // while its group runs
    PerThreadArray block;  // between sweeps; only if live at a barrier of the block
  };

  BasicBlock* newBlock(const llvm::Twine& name) {
    return BasicBlock::Create(context_, name, core_.function);
  }

  bool isLiveAtBlockBarrier(const LiveValue& live) const {
    return llvm::any_of(split_.barriers, [&](const Barrier& barrier) {
      return !barrier.is_warp && live.live_at.contains(barrier.block);
    });
  }

  void allocateStorage() {
    IRBuilder<> entry(core_.entry->getTerminator());
    Value* group_size = entry.getInt32(lanes_);
    padded_count_ = entry.CreateAnd(
        entry.CreateAdd(core_.thread_count, entry.getInt32(lanes_ - 1), "", true, true),
        entry.getInt32(~(lanes_ - 1)), "threads.padded");
    group_start_ = core_.allocate(i32_, nullptr, "group");
    state_.group = PerThreadArray(core_, i32_, group_size, "state");
    if (core_.shape[0] == 0) {  // division by a known size is cheap
      for (PerThreadArray& position : positions_) {
        position = PerThreadArray(core_, i32_, group_size, "position");
      }
    }
    if (has_block_barriers_) {
      state_.block = PerThreadArray(core_, i32_, padded_count_, "state.block");
      unfinished_ = core_.allocate(i32_, nullptr, "unfinished");
    }
    for (const LiveValue& live : split_.live_values) {
      Storage storage;
      if (live.kind != Kind::kRecomputed) {
        llvm::Type* type = storageType(live.definition->getType());
        storage.group = PerThreadArray(core_, type, group_size, live.definition->getName());
        if (isLiveAtBlockBarrier(live)) {
          storage.block = PerThreadArray(core_, type, padded_count_, live.definition->getName());
        }
      }
      storage_.push_back(storage);
    }
    for (llvm::AllocaInst* variable : core_.private_variables) {
      privates_.emplace_back(core_, variable->getAllocatedType(),
                             has_block_barriers_ ? padded_count_ : group_size,
                             variable->getName() + ".private", variable->getAlign());
    }
  }

  llvm::MDNode* laneLoopId(llvm::MDNode* access_group) {
    auto option = [&](llvm::StringRef name, llvm::Metadata* value) {
      return llvm::MDNode::get(context_, {llvm::MDString::get(context_, name), value});
    };
    auto number = [&](llvm::Type* type, std::uint64_t value) {
      return llvm::ConstantAsMetadata::get(llvm::ConstantInt::get(type, value));
    };
    llvm::Metadata* options[] = {
        nullptr,
        option("llvm.loop.parallel_accesses", access_group),
        option("llvm.loop.vectorize.enable", number(llvm::Type::getInt1Ty(context_), 1)),
        option("llvm.loop.vectorize.width", number(i32_, std::min(lanes_, vector_lanes_))),
        option("llvm.loop.interleave.count", number(i32_, 1)),
    };
    llvm::MDNode* id = llvm::MDNode::getDistinct(context_, options);
    id->replaceOperandWith(0, id);
    return id;
  }

  struct LaneLoop {
    BasicBlock* after;
    Value* result;
  };

  // A small loop over the lanes, from `from` (not terminated): result = body(builder, lane, result
  // so far).
  LaneLoop forEachLane(BasicBlock* from, Value* initial,
                       llvm::function_ref<Value*(IRBuilder<>&, Value* lane, Value* so_far)> body) {
    llvm::MDNode* access_group = llvm::MDNode::getDistinct(context_, {});
    BasicBlock* loop = newBlock("lanes");
    BasicBlock* after = newBlock("lanes.end");
    IRBuilder<>(from).CreateBr(loop);
    IRBuilder<> builder(loop);
    llvm::PHINode* lane = builder.CreatePHI(builder.getInt64Ty(), 2, "lane");
    llvm::PHINode* so_far = builder.CreatePHI(i32_, 2);
    lane->addIncoming(builder.getInt64(0), from);
    so_far->addIncoming(initial, from);
    Value* result = body(builder, lane, so_far);
    for (llvm::Instruction& instruction : *loop) {
      if (instruction.mayReadOrWriteMemory()) addToAccessGroup(&instruction, access_group);
    }
    Value* next = builder.CreateAdd(lane, builder.getInt64(1), "", true, true);
    builder.CreateCondBr(builder.CreateICmpULT(next, builder.getInt64(lanes_)), loop, after)
        ->setMetadata(llvm::LLVMContext::MD_loop, laneLoopId(access_group));
    lane->addIncoming(next, loop);
    so_far->addIncoming(result, loop);
    return {after, result};
  }

  // All threads are at region 0; the lanes that pad the last group have returned.
  void emitBlockStart() {
    llvm::Instruction* branch = core_.block_head->getTerminator();
    IRBuilder<> builder(branch);
    builder.CreateStore(builder.getInt32(0), group_start_);
    if (has_block_barriers_) {
      auto bytes = [&](Value* count) {
        return builder.CreateShl(builder.CreateZExt(count, builder.getInt64Ty()), 2);
      };
      builder.CreateMemSet(state_.block.at(builder, builder.getInt64(0)), builder.getInt8(0),
                           bytes(core_.thread_count), llvm::Align(4));
      Value* padding =
          state_.block.at(builder, builder.CreateZExt(core_.thread_count, builder.getInt64Ty()));
      builder.CreateMemSet(padding, builder.getInt8(-1),
                           bytes(builder.CreateSub(padded_count_, core_.thread_count)),
                           llvm::Align(4));
      builder.CreateStore(builder.getInt32(0), unfinished_);
    }
    branch->replaceSuccessorWith(core_.first, group_begin_);
  }

  void emitGroupBegin() {
    IRBuilder<> builder(group_begin_);
    Value* start = builder.CreateLoad(i32_, group_start_, "start");
    Value* start64 = builder.CreateZExt(start, builder.getInt64Ty());
    LaneLoop loop = forEachLane(
        group_begin_, builder.getInt32(0), [&](IRBuilder<>& b, Value* lane, Value* so_far) {
          Value* state;
          if (has_block_barriers_) {
            Value* thread = b.CreateAdd(start64, lane);
            Value* old = b.CreateLoad(i32_, state_.block.at(b, thread));
            // Returned is negative as a signed number.
            Value* waited = b.CreateICmpSGE(old, b.getInt32(kWaitsForBlock));
            state = b.CreateSelect(waited, b.CreateSub(old, b.getInt32(kWaitsForBlock)), old);
            for (auto [live, storage] : llvm::zip(split_.live_values, storage_)) {
              if (storage.block) copyElement(b, live, storage.block, thread, storage.group, lane);
            }
          } else {
            Value* thread = b.CreateAdd(b.CreateTrunc(lane, i32_), start);
            state = b.CreateSelect(b.CreateICmpULT(thread, core_.thread_count), b.getInt32(0),
                                   b.getInt32(kReturned));
          }
          b.CreateStore(state, state_.group.at(b, lane));
          return so_far;
        });
    BasicBlock* done = positions_[0] ? emitPositions(loop.after, start) : loop.after;
    IRBuilder<>(done).CreateBr(pick_);
  }

  // Thread indices of the group's lanes, counted up from the first lane's: no division per lane,
  // which vectors do not have.
  BasicBlock* emitPositions(BasicBlock* from, Value* start) {
    const auto& size = core_.block_size;
    BasicBlock* loop = newBlock("positions");
    BasicBlock* after = newBlock("positions.end");
    IRBuilder<> before(from);
    Value* row = before.CreateUDiv(start, size[0]);
    Value* first[3] = {before.CreateURem(start, size[0]), before.CreateURem(row, size[1]),
                       before.CreateUDiv(row, size[1])};
    before.CreateBr(loop);
    IRBuilder<> builder(loop);
    llvm::PHINode* lane = builder.CreatePHI(builder.getInt64Ty(), 2, "lane");
    lane->addIncoming(builder.getInt64(0), from);
    llvm::PHINode* index[3];
    for (unsigned d = 0; d < 3; ++d) {
      index[d] = builder.CreatePHI(i32_, 2);
      index[d]->addIncoming(first[d], from);
    }
    Value* carry = builder.getInt32(1);
    for (unsigned d = 0; d < 3; ++d) {
      builder.CreateStore(index[d], positions_[d].at(builder, lane));
      Value* next = builder.CreateAdd(index[d], carry);
      Value* wraps = builder.CreateICmpEQ(next, size[d]);
      index[d]->addIncoming(builder.CreateSelect(wraps, builder.getInt32(0), next), loop);
      carry = builder.CreateZExt(wraps, i32_);
    }
    Value* next_lane = builder.CreateAdd(lane, builder.getInt64(1), "", true, true);
    lane->addIncoming(next_lane, loop);
    builder.CreateCondBr(builder.CreateICmpULT(next_lane, builder.getInt64(lanes_)), loop, after);
    return after;
  }

  void copyElement(IRBuilder<>& builder, const LiveValue& live, const PerThreadArray& from,
                   Value* from_index, const PerThreadArray& to, Value* to_index) {
    llvm::Type* type = storageType(live.definition->getType());
    builder.CreateStore(builder.CreateLoad(type, from.at(builder, from_index)),
                        to.at(builder, to_index));
  }

  void emitPick() {
    IRBuilder<> builder(pick_);
    LaneLoop loop = forEachLane(
        pick_, builder.getInt32(kReturned), [&](IRBuilder<>& b, Value* lane, Value* so_far) {
          Value* state = b.CreateLoad(i32_, state_.group.at(b, lane));
          return b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, so_far, state);
        });
    IRBuilder<> choose(loop.after);
    llvm::SwitchInst* choice = choose.CreateSwitch(loop.result, group_end_, before_.size());
    for (unsigned r = 0; r < before_.size(); ++r) choice->addCase(choose.getInt32(r), before_[r]);
  }

  void emitGroupEnd() {
    BasicBlock* saved = group_end_;
    if (has_block_barriers_) saved = emitSave();
    BasicBlock* sweep_end = newBlock("sweep.end");
    IRBuilder<> builder(saved);
    Value* next = builder.CreateAdd(builder.CreateLoad(i32_, group_start_),
                                    builder.getInt32(lanes_), "", true, true);
    builder.CreateStore(next, group_start_);
    builder.CreateCondBr(builder.CreateICmpULT(next, core_.thread_count), group_begin_, sweep_end);

    builder.SetInsertPoint(sweep_end);
    if (!has_block_barriers_) {
      builder.CreateBr(core_.block_end);
      return;
    }
    Value* unfinished = builder.CreateLoad(i32_, unfinished_);
    builder.CreateStore(builder.getInt32(0), unfinished_);
    builder.CreateStore(builder.getInt32(0), group_start_);
    builder.CreateCondBr(builder.CreateICmpNE(unfinished, builder.getInt32(0)), group_begin_,
                         core_.block_end);
  }

  // Puts the group's states and values away for the next sweep.
  BasicBlock* emitSave() {
    IRBuilder<> builder(group_end_);
    Value* start64 =
        builder.CreateZExt(builder.CreateLoad(i32_, group_start_), builder.getInt64Ty());
    LaneLoop loop = forEachLane(
        group_end_, builder.getInt32(0), [&](IRBuilder<>& b, Value* lane, Value* so_far) {
          Value* thread = b.CreateAdd(start64, lane);
          Value* state = b.CreateLoad(i32_, state_.group.at(b, lane));
          b.CreateStore(state, state_.block.at(b, thread));
          for (auto [live, storage] : llvm::zip(split_.live_values, storage_)) {
            if (storage.block) copyElement(b, live, storage.group, lane, storage.block, thread);
          }
          Value* waits = b.CreateZExt(b.CreateICmpNE(state, b.getInt32(kReturned)), i32_);
          return b.CreateOr(so_far, waits);
        });
    IRBuilder<> after(loop.after);
    after.CreateStore(after.CreateOr(after.CreateLoad(i32_, unfinished_), loop.result),
                      unfinished_);
    return loop.after;
  }

  // Thread indices of a lane. If a row of the block holds whole groups, all lanes are in one row,
  // and the indices are linear in the lane, which is what makes memory accesses consecutive.
  ThreadPosition positionOf(IRBuilder<>& before, IRBuilder<>& body, Value* lane,
                            llvm::MDNode* access_group) {
    const auto& size = core_.block_size;
    Value* start = before.CreateLoad(i32_, group_start_, "start");
    Value* in_one_row =
        before.CreateOr(before.CreateICmpEQ(core_.thread_count, size[0]),
                        before.CreateICmpEQ(before.CreateURem(size[0], before.getInt32(lanes_)),
                                            before.getInt32(0)));
    Value* x = before.CreateURem(start, size[0]);
    Value* row = before.CreateUDiv(start, size[0]);
    Value* y = before.CreateURem(row, size[1]);
    Value* z = before.CreateUDiv(row, size[1]);

    ThreadPosition position;
    position.flat = body.CreateAdd(start, lane, "flat", true, true);
    Value* anywhere[3];
    if (positions_[0]) {
      Value* lane64 = body.CreateZExt(lane, body.getInt64Ty(), "", /*IsNonNeg=*/true);
      for (unsigned d = 0; d < 3; ++d) {
        anywhere[d] = loadStored(body, i32_, positions_[d].at(body, lane64), access_group);
      }
    } else {
      Value* lane_row = body.CreateUDiv(position.flat, size[0]);
      anywhere[0] = body.CreateURem(position.flat, size[0]);
      anywhere[1] = body.CreateURem(lane_row, size[1]);
      anywhere[2] = body.CreateUDiv(lane_row, size[1]);
    }
    Value* in_row[3] = {body.CreateAdd(x, lane, "", true, true), y, z};
    static constexpr const char* kNames[3] = {"tx", "ty", "tz"};
    for (unsigned d = 0; d < 3; ++d) {
      position.index[d] = body.CreateSelect(in_one_row, in_row[d], anywhere[d], kNames[d]);
    }
    return position;
  }

  void emitRegion(unsigned r) {
    RegionCopy region(core_, split_, r);
    llvm::MDNode* access_group = llvm::MDNode::getDistinct(context_, {});
    BasicBlock* body_block = newBlock("lane");
    BasicBlock* active = newBlock("active");
    BasicBlock* tail = newBlock("tail");
    BasicBlock* after = newBlock("after");
    IRBuilder<> before(before_[r]);
    IRBuilder<> body(body_block);
    llvm::PHINode* lane = body.CreatePHI(i32_, 2, "lane");
    ThreadPosition position = positionOf(before, body, lane, access_group);
    before.CreateBr(body_block);
    lane->addIncoming(before.getInt32(0), before_[r]);
    Value* lane64 = body.CreateZExt(lane, body.getInt64Ty(), "", /*IsNonNeg=*/true);
    Value* flat64 = body.CreateZExt(position.flat, body.getInt64Ty(), "", /*IsNonNeg=*/true);
    llvm::SmallVector<Value*> private_addresses;
    for (const PerThreadArray& array : privates_) {
      private_addresses.push_back(array.at(body, has_block_barriers_ ? flat64 : lane64));
    }

    // States and values are loaded and stored for every lane, so that a lane that does not take
    // part keeps its own: the vectoriser makes blends of it, not scattered stores.
    llvm::AllocaInst* new_state = core_.allocate(i32_, nullptr, "state.new");
    Value* state = loadStored(body, i32_, state_.group.at(body, lane64), access_group);
    body.CreateStore(state, new_state);
    for (const RegionLocal& local : region.locals()) {
      if (!local.is_incoming && !local.is_modified) continue;
      Value* value = local.live->kind == Kind::kRecomputed
                         ? region.recompute(local, body, position, private_addresses)
                         : loadStored(body, local.live->definition->getType(),
                                      storage_[local.number].group.at(body, lane64), access_group);
      body.CreateStore(value, local.local);
    }
    body.CreateCondBr(body.CreateICmpEQ(state, body.getInt32(r)), active, tail);
    region.emit(active, position, private_addresses, access_group);
    for (unsigned k = 0; k < region.exits().size(); ++k) {
      IRBuilder<> leave(region.exitBlocks()[k]);
      leave.CreateStore(leave.getInt32(stateAfter(region.exits()[k])), new_state);
      leave.CreateBr(tail);
    }

    IRBuilder<> end(tail);
    for (const RegionLocal& local : region.locals()) {
      if (!local.is_modified) continue;
      Value* value = end.CreateLoad(local.live->definition->getType(), local.local);
      storeAs(end, value, storage_[local.number].group.at(end, lane64), access_group);
    }
    storeAs(end, end.CreateLoad(i32_, new_state), state_.group.at(end, lane64), access_group);
    Value* next = end.CreateAdd(lane, end.getInt32(1), "", true, true);
    end.CreateCondBr(end.CreateICmpULT(next, end.getInt32(lanes_)), body_block, after)
        ->setMetadata(llvm::LLVMContext::MD_loop, laneLoopId(access_group));
    lane->addIncoming(next, tail);
    emitWayOn(region, r, after);
  }

  std::uint32_t stateAfter(BasicBlock* exit) const {
    if (exit == core_.block_end) return kReturned;
    const unsigned region = split_.regionAfter(exit);
    return split_.barriers[region - 1].is_warp ? region : kWaitsForBlock + region;
  }

  // A region that may lead back to itself (the body of a loop) is repeated without a look at the
  // others while a lane is at it.
  void emitWayOn(const RegionCopy& region, unsigned r, BasicBlock* after) {
    const bool repeats = r > 0 && split_.barriers[r - 1].is_warp &&
                         llvm::is_contained(region.exits(), split_.barriers[r - 1].block);
    if (!repeats) {
      IRBuilder<>(after).CreateBr(pick_);
      return;
    }
    LaneLoop loop = forEachLane(
        after, llvm::ConstantInt::get(i32_, 0), [&](IRBuilder<>& b, Value* lane, Value* so_far) {
          Value* state = b.CreateLoad(i32_, state_.group.at(b, lane));
          return b.CreateOr(so_far, b.CreateZExt(b.CreateICmpEQ(state, b.getInt32(r)), i32_));
        });
    IRBuilder<> builder(loop.after);
    builder.CreateCondBr(builder.CreateICmpNE(loop.result, builder.getInt32(0)), before_[r], pick_);
  }

  KernelCore& core_;
  RegionSplit& split_;
  llvm::LLVMContext& context_;
  llvm::Type* i32_;
  const unsigned lanes_;
  const unsigned vector_lanes_;
  const bool has_block_barriers_;

  Value* padded_count_ = nullptr;            // threads, rounded up to whole groups
  llvm::AllocaInst* group_start_ = nullptr;  // flat index of lane 0 of the running group
  llvm::AllocaInst* unfinished_ = nullptr;   // not 0: some lane waits for the block
  Storage state_;
  std::array<PerThreadArray, 3>
      positions_;  // thread indices of the group's lanes; only if the shape is not known
  llvm::SmallVector<Storage> storage_;  // of each live value
  llvm::SmallVector<PerThreadArray> privates_;
  llvm::SmallVector<BasicBlock*> before_;  // of each region
  BasicBlock* group_begin_ = nullptr;
  BasicBlock* pick_ = nullptr;
  BasicBlock* group_end_ = nullptr;
};

}  // namespace

void emitLaneMode(KernelCore& core, RegionSplit& split, unsigned lanes, unsigned vector_lanes) {
  LaneModeEmitter(core, split, lanes, vector_lanes).emit();
}

}  // namespace amdgpu::hostcc
