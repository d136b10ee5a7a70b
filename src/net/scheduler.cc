#include "net/scheduler.h"

#include <utility>

namespace resolve64::net {

TimerNode::~TimerNode() { Disarm(); }

void TimerNode::Disarm() noexcept {
  if (scheduler_ != nullptr) scheduler_->Remove(*this);
}

ReadyNode::~ReadyNode() { Scheduler::Remove(*this); }

Scheduler::~Scheduler() {
  while (!heap_.empty()) Remove(*heap_.back());
  while (ready_.first != nullptr) Remove(*ready_.first);
  while (next_turn_.first != nullptr) Remove(*next_turn_.first);
}

void Scheduler::Arm(TimerNode& node, TimePoint at) {
  node.Disarm();
  heap_.push_back(&node);
  node.scheduler_ = this;
  node.at_ = at;
  node.index_ = heap_.size() - 1;
  SiftUp(node.index_);
}

void Scheduler::Post(ReadyNode& node) noexcept {
  if (node.queue_ == nullptr) Append(ready_, node);
}

void Scheduler::PostNext(ReadyNode& node) noexcept {
  if (node.queue_ == nullptr) Append(next_turn_, node);
}

bool Scheduler::Turn() {
  while (next_turn_.first != nullptr) {
    ReadyNode& node = *next_turn_.first;
    Remove(node);
    Append(ready_, node);
  }
  int budget = kTurnBudget;
  const TimePoint now = Now();
  const TimePoint until = now + kTurnTime;
  while (budget > 0) {
    if (!heap_.empty() && heap_.front()->at_ <= now) {
      TimerNode& node = *heap_.front();
      Remove(node);
      node.Fire();
    } else if (ready_.first != nullptr) {
      ReadyNode& node = *ready_.first;
      Remove(node);
      node.Run();
    } else {
      return next_turn_.first != nullptr;
    }
    if (--budget > 0 && Now() >= until) break;
  }
  return ready_.first != nullptr || next_turn_.first != nullptr ||
         (!heap_.empty() && heap_.front()->at_ <= now);
}

std::optional<TimePoint> Scheduler::NextTimer() const noexcept {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->at_;
}

void Scheduler::Remove(TimerNode& node) noexcept {
  const std::size_t i = node.index_;
  node.scheduler_ = nullptr;
  TimerNode* moved = heap_.back();
  heap_.pop_back();
  if (moved == &node) return;
  Place(i, moved);
  SiftUp(i);
  SiftDown(moved->index_);
}

void Scheduler::Append(ReadyQueue& queue, ReadyNode& node) noexcept {
  node.queue_ = &queue;
  node.previous_ = queue.last;
  node.next_ = nullptr;
  (queue.last == nullptr ? queue.first : queue.last->next_) = &node;
  queue.last = &node;
}

void Scheduler::Remove(ReadyNode& node) noexcept {
  if (node.queue_ == nullptr) return;
  ReadyQueue& queue = *node.queue_;
  (node.previous_ == nullptr ? queue.first : node.previous_->next_) = node.next_;
  (node.next_ == nullptr ? queue.last : node.next_->previous_) = node.previous_;
  node.queue_ = nullptr;
  node.previous_ = node.next_ = nullptr;
}

void Scheduler::Place(std::size_t i, TimerNode* node) noexcept {
  heap_[i] = node;
  node->index_ = i;
}

void Scheduler::SiftUp(std::size_t i) noexcept {
  while (i > 0) {
    const std::size_t parent = (i - 1) / 2;
    if (heap_[parent]->at_ <= heap_[i]->at_) return;
    TimerNode* above = heap_[parent];
    Place(parent, heap_[i]);
    Place(i, above);
    i = parent;
  }
}

void Scheduler::SiftDown(std::size_t i) noexcept {
  for (;;) {
    std::size_t child = 2 * i + 1;
    if (child >= heap_.size()) return;
    if (child + 1 < heap_.size() && heap_[child + 1]->at_ < heap_[child]->at_) ++child;
    if (heap_[i]->at_ <= heap_[child]->at_) return;
    TimerNode* below = heap_[child];
    Place(child, heap_[i]);
    Place(i, below);
    i = child;
  }
}

}  // namespace resolve64::net
